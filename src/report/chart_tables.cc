// SPDX-License-Identifier: Apache-2.0
// The figures of charts as tables.
#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "base/strings.h"
#include "report/charts.h"
#include "report/escape.h"
#include "report/limits.h"

namespace mig::report {
namespace {

Cell figure_cell(const std::optional<double>& value) {
  if (!value || !std::isfinite(*value)) {
    return {};
  }
  return {figure_text(*value), *value};
}

Table table_of(const ChartHead& head, std::string first) {
  Table table;
  table.caption = head.title;
  table.columns.push_back({std::move(first), "", Align::kLeft});
  table.origin = head.origin;
  return table;
}

// Of a series: its values, and the interval's ends where one has an interval.
bool has_interval(const BarSeries& series) {
  return std::any_of(
      series.values.begin(), series.values.end(), [](const std::optional<Value>& value) {
        return value && value->low && value->high;
      });
}

void add_cells(std::vector<Cell>& row, const BarSeries& series, std::size_t group) {
  const auto value = group < series.values.size() ? series.values[group] : std::nullopt;
  row.push_back(figure_cell(value ? std::optional(value->value) : std::nullopt));
  if (has_interval(series)) {
    row.push_back(figure_cell(value ? value->low : std::nullopt));
    row.push_back(figure_cell(value ? value->high : std::nullopt));
  }
}

std::vector<double> places_of(const LineChart& chart) {
  std::vector<double> all;
  for (const Line& line : chart.lines) {
    for (const Point& point : line.points) {
      if (std::isfinite(point.x)) {
        all.push_back(point.x);
      }
    }
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

}  // namespace

Table bars_table(const BarChart& chart) {
  Table table = table_of(chart.head, "");
  for (const BarSeries& series : chart.series) {
    table.columns.push_back({series.name, chart.head.unit, Align::kRight});
    if (has_interval(series)) {
      table.columns.push_back({series.name + ", 95 % from", chart.head.unit, Align::kRight});
      table.columns.push_back({"to", chart.head.unit, Align::kRight});
    }
  }
  for (std::size_t group = 0; group < chart.groups.size(); ++group) {
    std::vector<Cell> row = {{chart.groups[group]}};
    for (const BarSeries& series : chart.series) {
      add_cells(row, series, group);
    }
    table.rows.push_back(std::move(row));
  }
  for (const Reference& reference : chart.references) {
    table.rows.push_back({{"line: " + reference.label}, figure_cell(reference.value)});
  }
  return table;
}

Table lines_table(const LineChart& chart) {
  Table table = table_of(chart.head, chart.x_title);
  table.columns[0].unit = chart.x_unit;
  std::vector<std::map<double, std::optional<double>>> by_place;
  for (const Line& line : chart.lines) {
    table.columns.push_back({line.name, chart.head.unit, Align::kRight});
    by_place.emplace_back();
    for (const Point& point : line.points) {
      if (std::isfinite(point.x)) {
        by_place.back()[point.x] = point.y;
      }
    }
  }
  const std::vector<double> places = places_of(chart);
  const std::size_t rows = std::min(places.size(), kMostPointRows);
  for (std::size_t i = 0; i < rows; ++i) {
    const double x = places[rows < 2 ? 0 : i * (places.size() - 1) / (rows - 1)];
    std::vector<Cell> row = {figure_cell(x)};
    for (const auto& values : by_place) {
      const auto found = values.find(x);
      row.push_back(figure_cell(found == values.end() ? std::nullopt : found->second));
    }
    table.rows.push_back(std::move(row));
  }
  if (rows < places.size()) {
    table.source = fmt::format("{} of {} points", rows, places.size());
  }
  return table;
}

Table stacked_table(const StackedChart& chart) {
  Table table = table_of(chart.head, "");
  for (const std::string& part : chart.parts) {
    table.columns.push_back({part, chart.head.unit, Align::kRight});
  }
  table.columns.push_back({"sum", chart.head.unit, Align::kRight});
  for (std::size_t group = 0; group < chart.groups.size(); ++group) {
    std::vector<Cell> row = {{chart.groups[group]}};
    double sum = 0;
    for (std::size_t part = 0; part < chart.parts.size(); ++part) {
      const bool there = group < chart.values.size() && part < chart.values[group].size();
      row.push_back(figure_cell(there ? std::optional(chart.values[group][part]) : std::nullopt));
      sum += there ? chart.values[group][part] : 0;
    }
    row.push_back(figure_cell(sum));
    if (group < chart.totals.size()) {
      row.back().text = chart.totals[group];
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table matrix_table(const MatrixChart& chart) {
  Table table = table_of(chart.head, chart.row_title);
  for (const std::string& column : chart.columns) {
    table.columns.push_back({column, chart.head.unit, Align::kLeft});
  }
  for (std::size_t row = 0; row < chart.rows.size(); ++row) {
    std::vector<Cell> cells = {{chart.rows[row]}};
    for (std::size_t column = 0; column < chart.columns.size(); ++column) {
      const bool there = row < chart.cells.size() && column < chart.cells[row].size();
      const MatrixCell cell = there ? chart.cells[row][column] : MatrixCell{};
      cells.push_back({cell.text, {}, {}, cell.tone});
    }
    table.rows.push_back(std::move(cells));
  }
  table.source = chart.head.source;
  return table;
}

Table strip_table(const LayoutStrip& strip) {
  Table table;
  table.caption = strip.gpu + (strip.note.empty() ? "" : ", " + strip.note);
  table.columns = {{"Slots", "", Align::kLeft}, {"Profile"}, {"In use"}, {"Details"}};
  for (const StripCell& cell : strip.cells) {
    const std::uint32_t last = cell.start + std::max(cell.size, 1U) - 1;
    table.rows.push_back(
        {{last == cell.start ? fmt::format("{}", last) : fmt::format("{}-{}", cell.start, last)},
         {cell.profile},
         {cell.busy ? "yes" : "no"},
         {cell.lines.empty() ? std::string("-") : base::join(cell.lines, ", ")}});
  }
  return table;
}

}  // namespace mig::report
