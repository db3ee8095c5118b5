// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "report/chart_parts.h"
#include "report/escape.h"
#include "report/html.h"
#include "report/limits.h"

namespace mig::report {
namespace {

std::string figure_html(const std::string& title,
                        const std::optional<Origin>& origin,
                        const std::string& drawing,
                        const Table& table,
                        const Text& source,
                        const std::string& note,
                        PageState& page) {
  std::string out = fmt::format("<figure class=\"chart\"><figcaption><b>{}</b> {}</figcaption>\n",
                                escaped(clipped(title, kMostTitleBytes)),
                                origin_html(origin, page));
  out += drawing.empty() ? "<p class=\"soft nothing\">There is nothing to draw.</p>"
                         : "<div class=\"scroll\" tabindex=\"0\">" + drawing + "</div>";
  if (!note.empty()) {
    out += "<p class=\"cut\">" + escaped(note) + "</p>";
  }
  if (!table.rows.empty()) {
    out += "\n<details><summary>The same as a table</summary>" + table_html(table, page, false) +
           "</details>";
  }
  if (!source.empty()) {
    out += "<p class=\"source\">" + inline_html(source) + "</p>";
  }
  return out + "</figure>\n";
}

std::string left_out(std::size_t groups, std::size_t series) {
  std::string out;
  if (groups > kMostGroups) {
    out += fmt::format("{} more groups are not drawn. ", groups - kMostGroups);
  }
  if (series > kMostSeries) {
    out += fmt::format("{} more series are not drawn.", series - kMostSeries);
  }
  return out;
}

}  // namespace

std::string chart_html(const MatrixChart& chart, PageState& page) {
  const std::size_t columns = std::min(chart.columns.size(), kMostColumns);
  std::string out = fmt::format(
      "<figure class=\"matrix\"><figcaption><b>{}</b> {}</figcaption>\n<div class=\"scroll\" "
      "tabindex=\"0\"><table>"
      "<thead><tr><th scope=\"col\">{}</th>",
      escaped(titled(chart.head)),
      origin_html(chart.head.origin, page),
      chart.row_title.empty() ? "&nbsp;" : escaped(clipped(chart.row_title, kMostTitleBytes)));
  for (std::size_t i = 0; i < columns; ++i) {
    out += "<th scope=\"col\">" + escaped(clipped(chart.columns[i], kMostTitleBytes)) + "</th>";
  }
  out += "</tr></thead><tbody>\n";
  for (std::size_t row = 0; row < std::min(chart.rows.size(), kMostRows); ++row) {
    out += "<tr><th scope=\"row\">" + escaped(clipped(chart.rows[row], kMostTitleBytes)) + "</th>";
    for (std::size_t i = 0; i < columns; ++i) {
      const bool there = row < chart.cells.size() && i < chart.cells[row].size();
      out += matrix_cell(there ? chart.cells[row][i] : MatrixCell{});
    }
    out += "</tr>\n";
  }
  out += "</tbody></table></div>";
  if (!chart.head.description.empty()) {
    out +=
        "<p class=\"source\">" + escaped(clipped(chart.head.description, kMostTextBytes)) + "</p>";
  }
  if (!chart.head.source.empty()) {
    out += "<p class=\"source\">" + inline_html(chart.head.source) + "</p>";
  }
  return out + "</figure>\n";
}

std::string chart_html(const BarChart& chart, PageState& page) {
  return figure_html(titled(chart.head),
                     chart.head.origin,
                     bars_svg(chart, page.next_place(chart.head.origin)),
                     bars_table(chart),
                     chart.head.source,
                     left_out(chart.groups.size(), chart.series.size()),
                     page);
}

std::string chart_html(const LineChart& chart, PageState& page) {
  return figure_html(titled(chart.head),
                     chart.head.origin,
                     lines_svg(chart, page.next_place(chart.head.origin)),
                     lines_table(chart),
                     chart.head.source,
                     left_out(0, chart.lines.size()),
                     page);
}

std::string chart_html(const StackedChart& chart, PageState& page) {
  return figure_html(titled(chart.head),
                     chart.head.origin,
                     stacked_svg(chart, page.next_place(chart.head.origin)),
                     stacked_table(chart),
                     chart.head.source,
                     left_out(chart.groups.size(), chart.parts.size()),
                     page);
}

std::string chart_html(const LayoutStrip& strip, PageState& page) {
  if (strip.slots == 0) {
    return fmt::format(
        "<figure class=\"chart strip\"><figcaption><b>{}</b></figcaption>"
        "<p class=\"off\">MIG is off.</p></figure>\n",
        escaped(clipped(strip_table(strip).caption, kMostTitleBytes)));
  }
  return figure_html(strip_table(strip).caption,
                     std::nullopt,
                     strip_svg(strip, page.next_place(std::nullopt)),
                     strip_table(strip),
                     {},
                     "",
                     page);
}

}  // namespace mig::report
