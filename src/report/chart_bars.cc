// SPDX-License-Identifier: Apache-2.0
// Horizontal bars: names of any length stand beside them, values at their ends.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "report/chart_parts.h"
#include "report/escape.h"
#include "report/limits.h"
#include "report/svg.h"

namespace mig::report {
namespace {

constexpr double kBar = 17;
constexpr double kGap = 12;
constexpr double kMostNames = 270;
constexpr double kAxisHeight = 26;

template <class Names>
double names_width(const Names& names) {
  double width = 40;
  for (std::size_t i = 0; i < std::min(names.size(), kMostGroups); ++i) {
    width = std::max(width, svg::width_of(names[i], kTextSize));
  }
  return std::min(width, kMostNames);
}

std::string grid_of(const Scale& scale, double top, double bottom) {
  std::string out;
  double last = -kChartWidth;
  for (const double tick : scale.ticks()) {
    const double x = scale.at(tick);
    out += svg::line(x, top, x, bottom, tick == 0 ? "class=\"axis\"" : "class=\"grid\"");
    const std::string words = figure_text(tick);
    const double half = svg::width_of(words, kTextSize) / 2;
    if (x - half > last + 8) {  // long ones would run into each other
      out += svg::words(x, bottom + 17, words, "class=\"soft\" text-anchor=\"middle\"");
      last = x + half;
    }
  }
  return out;
}

std::string value_words(const std::optional<Value>& value) {
  if (!value || !std::isfinite(value->value)) {
    return "unknown";
  }
  std::string out = figure_text(value->value);
  if (value->low && value->high) {
    out += fmt::format(" ({} to {})", figure_text(*value->low), figure_text(*value->high));
  }
  return out;
}

// Smallest and largest of everything that is drawn.
struct Range {
  double low = 0, high = 0;

  void include(const std::optional<double>& value) {
    if (value && std::isfinite(*value)) {
      low = std::min(low, *value);
      high = std::max(high, *value);
    }
  }
};

Range range_of(const BarChart& chart) {
  Range range;
  for (const BarSeries& series : chart.series) {
    for (const std::optional<Value>& value : series.values) {
      if (value) {
        range.include(value->value);
        range.include(value->low);
        range.include(value->high);
      }
    }
  }
  for (const Reference& reference : chart.references) {
    range.include(reference.value);
  }
  return range;
}

double words_width(const BarChart& chart) {
  double width = 0;
  for (const BarSeries& series : chart.series) {
    for (const std::optional<Value>& value : series.values) {
      width = std::max(width, svg::width_of(value_words(value), kTextSize));
    }
  }
  return width;
}

std::string bar_of(const std::optional<Value>& value, std::size_t series, const Scale& scale, double y) {
  const std::string words = value_words(value);
  if (words == "unknown") {
    return svg::words(scale.at(0) + 6, y + 13, words, "class=\"soft\"");
  }
  const double zero = scale.at(0);
  const double end = scale.at(value->value);
  std::string out = svg::box(
      std::min(zero, end), y + 1, std::max(std::fabs(end - zero), 0.5), kBar - 3, fill_of(series));
  double right = std::max(zero, end);
  if (value->low && value->high) {
    const double low = scale.at(*value->low);
    const double high = scale.at(*value->high);
    const double middle = y + kBar / 2 - 0.5;
    out += svg::line(low, middle, high, middle, "class=\"interval\"");
    out += svg::line(low, middle - 4, low, middle + 4, "class=\"interval\"");
    out += svg::line(high, middle - 4, high, middle + 4, "class=\"interval\"");
    right = std::max(right, high);
  }
  return out + svg::words(right + 7, y + 13, words, "class=\"halo\"");
}

std::string references_of(const std::vector<Reference>& references,
                          const Scale& scale,
                          double top,
                          double bottom) {
  std::string out;
  for (std::size_t i = 0; i < std::min(references.size(), kMostMarks); ++i) {
    const double x = scale.at(references[i].value);
    // On the side that has more room, each in its own row.
    const bool left = x > kChartWidth / 2.0;
    const double y = top - 5 - 15 * static_cast<double>(i);
    const std::string words = svg::fitted(
        references[i].label, left ? x - 10 : kChartWidth - x - 10, kTextSize);
    out += svg::line(x, y - 9, x, bottom, "class=\"reference\"");
    out += svg::words(left ? x - 5 : x + 5, y, words, left ? "text-anchor=\"end\"" : "");
  }
  return out;
}

double room_for(const std::vector<Reference>& references) {
  return references.empty() ? 0 : 15.0 * static_cast<double>(std::min(references.size(), kMostMarks)) + 6;
}

}  // namespace

std::string bars_svg(const BarChart& chart, const Place& place) {
  const std::size_t groups = std::min(chart.groups.size(), kMostGroups);
  const std::size_t series = std::min(chart.series.size(), kMostSeries);
  if (groups == 0 || series == 0) {
    return "";
  }
  const double left = names_width(chart.groups) + 18;
  const double right = kChartWidth - std::min(words_width(chart) + 12, 250.0);
  const Range range = range_of(chart);
  const Scale scale = scale_of(range.low, range.high, left, right, 5);
  std::vector<std::string> names;
  for (const BarSeries& one : chart.series) {
    names.push_back(one.name);
  }
  const Legend legend = legend_of(series > 1 ? names : std::vector<std::string>{}, 4, 4, false);
  const double top = legend.height + 8 + room_for(chart.references);
  const double group_height = kBar * static_cast<double>(series) + kGap;
  const double bottom = top + group_height * static_cast<double>(groups);
  const int height = static_cast<int>(bottom + kAxisHeight) + (place.simulated ? 18 : 2);
  std::string out = svg::begin(
      kChartWidth, height, place.id, titled(chart.head), description_of(chart.head, "Bars"));
  out += legend.drawing + grid_of(scale, top, bottom);
  out += references_of(chart.references, scale, top, bottom);
  for (std::size_t group = 0; group < groups; ++group) {
    const double y = top + group_height * static_cast<double>(group) + kGap / 2;
    const double middle = y + kBar * static_cast<double>(series) / 2;
    out += svg::words(left - 10,
                      middle + 4.5,
                      svg::fitted(chart.groups[group], left - 14, kTextSize),
                      "text-anchor=\"end\"");
    for (std::size_t i = 0; i < series; ++i) {
      const auto& values = chart.series[i].values;
      out += bar_of(group < values.size() ? values[group] : std::nullopt,
                    i,
                    scale,
                    y + kBar * static_cast<double>(i));
    }
  }
  return out + corner_mark(place, height) + "</svg>\n";
}

std::string stacked_svg(const StackedChart& chart, const Place& place) {
  const std::size_t groups = std::min(chart.groups.size(), kMostGroups);
  const std::size_t parts = std::min(chart.parts.size(), kMostSeries);
  if (groups == 0 || parts == 0) {
    return "";
  }
  const auto value_of = [&](std::size_t group, std::size_t part) {
    const bool there = group < chart.values.size() && part < chart.values[group].size();
    const double value = there ? chart.values[group][part] : 0;
    return std::isfinite(value) ? std::max(value, 0.0) : 0;
  };
  Range range;
  std::vector<double> sums(groups, 0);
  std::vector<std::string> totals(groups);
  double words = 0;
  for (std::size_t group = 0; group < groups; ++group) {
    for (std::size_t part = 0; part < parts; ++part) {
      sums[group] += value_of(group, part);
    }
    range.include(sums[group]);
    totals[group] = group < chart.totals.size() ? chart.totals[group] : figure_text(sums[group]);
    words = std::max(words, svg::width_of(totals[group], kTextSize));
  }
  const double left = names_width(chart.groups) + 18;
  const Scale scale =
      scale_of(0, range.high, left, kChartWidth - std::min(words + 14, 250.0), 5);
  const Legend legend = legend_of(chart.parts, 4, 4, false);
  constexpr double kRow = 32;
  const double top = legend.height + 8;
  const double bottom = top + kRow * static_cast<double>(groups);
  const int height = static_cast<int>(bottom + kAxisHeight) + (place.simulated ? 18 : 2);
  std::string out = svg::begin(kChartWidth,
                               height,
                               place.id,
                               titled(chart.head),
                               description_of(chart.head, "Stacked bars"));
  out += legend.drawing + grid_of(scale, top, bottom);
  for (std::size_t group = 0; group < groups; ++group) {
    const double y = top + kRow * static_cast<double>(group) + 5;
    out += svg::words(left - 10,
                      y + 15.5,
                      svg::fitted(chart.groups[group], left - 14, kTextSize),
                      "text-anchor=\"end\"");
    double sum = 0;
    for (std::size_t part = 0; part < parts; ++part) {
      const double value = value_of(group, part);
      const double x = scale.at(sum);
      sum += value;
      if (scale.at(sum) - x > 0.2) {
        out += svg::box(x, y, scale.at(sum) - x, kRow - 10, fill_of(part));
      }
    }
    out += svg::words(scale.at(sum) + 7, y + 15.5, totals[group]);
  }
  return out + corner_mark(place, height) + "</svg>\n";
}

}  // namespace mig::report
