// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "report/escape.h"
#include "report/html.h"
#include "report/limits.h"

namespace mig::report {
namespace {

struct ToneLook {
  const char* sign;
  const char* word;  // for those who do not see the sign
};

ToneLook look_of_tone(Tone tone) {
  switch (tone) {
    case Tone::kGood:
      return {"\u2713", "good: "};
    case Tone::kWarning:
      return {"!", "warning: "};
    case Tone::kBad:
      return {"\u2717", "bad: "};
    case Tone::kUnknown:
      return {"?", "unknown: "};
    case Tone::kPlain:
      break;
  }
  return {"", ""};
}

std::string sign_html(Tone tone) {
  const ToneLook look = look_of_tone(tone);
  return *look.sign == '\0' ? ""
                            : fmt::format("<span class=\"sign\" aria-hidden=\"true\">{}</span>"
                                          "<span class=\"unseen\">{}</span>",
                                          look.sign,
                                          look.word);
}

std::string cell_html(const Cell& cell, const Column& column, bool header, const Table& table, PageState& page) {
  std::string css = column.align == Align::kRight && !header ? "number" : "";
  if (cell.tone != Tone::kPlain) {
    css += fmt::format("{}tone {}", css.empty() ? "" : " ", name_of(cell.tone));
  }
  std::string out = header ? "<th scope=\"row\"" : "<td";
  out += css.empty() ? ">" : fmt::format(" class=\"{}\">", css);
  out += sign_html(cell.tone);
  out += cell.text.empty() ? "<span class=\"unknown\">unknown</span>" : inline_html(cell.text);
  if (cell.origin && cell.origin != table.origin) {
    out += " " + origin_html(cell.origin, page);
  }
  return out + (header ? "</th>" : "</td>");
}

std::string heads_html(const Table& table, std::size_t columns) {
  std::string out = "<thead><tr>";
  for (std::size_t i = 0; i < columns; ++i) {
    const Column& column = table.columns[i];
    std::string words = escaped(clipped(column.title, kMostTitleBytes));
    if (!column.unit.empty()) {
      words += fmt::format("{}<span class=\"unit\">{}</span>",
                           words.empty() ? "" : " ",
                           escaped(clipped(column.unit, kMostTitleBytes)));
    }
    // A cell without words would be a heading of nothing.
    out += words.empty() ? "<td></td>"
                         : fmt::format("<th scope=\"col\"{}>{}</th>",
                                       column.align == Align::kRight ? " class=\"number\"" : "",
                                       words);
  }
  return out + "</tr></thead>\n";
}

}  // namespace

std::string matrix_cell(const MatrixCell& cell) {
  const std::string words = cell.text.empty() ? "<span class=\"unknown\">unknown</span>"
                                              : escaped(clipped(cell.text, kMostTextBytes));
  std::string css = cell.tone == Tone::kPlain ? "" : fmt::format("tone {}", name_of(cell.tone));
  if (cell.tone == Tone::kPlain && cell.heat && std::isfinite(*cell.heat)) {
    css = fmt::format("heat h{}", static_cast<int>(std::lround(std::clamp(*cell.heat, 0.0, 1.0) * 5)));
  }
  return fmt::format("<td{}>{}{}</td>",
                     css.empty() ? "" : " class=\"" + css + "\"",
                     sign_html(cell.tone),
                     words);
}

std::string table_html(const Table& table, PageState& page, bool caption) {
  const std::size_t columns = std::min(table.columns.size(), kMostColumns);
  std::string out = "<div class=\"table\"><div class=\"scroll\" tabindex=\"0\"><table>\n";
  if (caption && (!table.caption.empty() || table.origin)) {
    out += fmt::format("<caption>{} {}</caption>\n",
                       escaped(clipped(table.caption, kMostTitleBytes)),
                       origin_html(table.origin, page));
  }
  out += heads_html(table, columns) + "<tbody>\n";
  for (std::size_t row = 0; row < std::min(table.rows.size(), kMostRows); ++row) {
    out += "<tr>";
    for (std::size_t i = 0; i < columns; ++i) {
      const Cell cell = i < table.rows[row].size() ? table.rows[row][i] : Cell{};
      out += cell_html(cell, table.columns[i], i == 0 && table.row_headers, table, page);
    }
    out += "</tr>\n";
  }
  out += "</tbody></table></div>\n";
  if (table.rows.size() > kMostRows) {
    out += fmt::format("<p class=\"cut\">{} more rows are left out.</p>\n", table.rows.size() - kMostRows);
  }
  if (table.columns.size() > kMostColumns) {
    out += fmt::format("<p class=\"cut\">{} more columns are left out.</p>\n", table.columns.size() - kMostColumns);
  }
  if (!table.source.empty()) {
    out += "<p class=\"source\">" + inline_html(table.source) + "</p>\n";
  }
  return out + "</div>\n";
}

}  // namespace mig::report
