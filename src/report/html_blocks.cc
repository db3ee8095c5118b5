// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/strings.h"
#include "report/chart_parts.h"
#include "report/escape.h"
#include "report/html.h"
#include "report/limits.h"
#include "report/png.h"

namespace mig::report {
namespace {

std::string span_html(const Span& span, const std::string& words) {
  switch (span.kind) {
    case SpanKind::kCode:
      return "<code>" + words + "</code>";
    case SpanKind::kEmphasis:
      return "<em>" + words + "</em>";
    case SpanKind::kLink:
      return may_link(span.address)
                 ? fmt::format("<a href=\"{}\" rel=\"noreferrer\">{}</a>", escaped(span.address), words)
                 : words;
    case SpanKind::kPlain:
      break;
  }
  return words;
}

std::string paragraph_html(const Text& text) {
  return "<p>" + inline_html(text) + "</p>\n";
}

std::string list_html(const List& list) {
  const std::string tag = list.numbered ? "ol" : "ul";
  std::string out = "<" + tag + ">\n";
  for (std::size_t i = 0; i < std::min(list.items.size(), kMostItems); ++i) {
    out += "<li>" + inline_html(list.items[i]) + "</li>\n";
  }
  out += "</" + tag + ">\n";
  if (list.items.size() > kMostItems) {
    out += fmt::format("<p class=\"cut\">{} more items are left out.</p>\n", list.items.size() - kMostItems);
  }
  return out;
}

std::string seconds_text(std::int64_t ms) {
  return ms < 1000 ? fmt::format("{} ms", ms) : fmt::format("{:.1f} s", static_cast<double>(ms) / 1000);
}

std::string transcript_html(const Transcript& transcript) {
  const CutText cut = cut_transcript(transcript.printed);
  std::string facts;
  if (transcript.exit_code) {
    facts += fmt::format("<span class=\"{}\">exit code {}</span>",
                         *transcript.exit_code == 0 ? "soft" : "failed",
                         *transcript.exit_code);
  }
  if (transcript.duration_ms) {
    facts += fmt::format("<span class=\"soft\">{}</span>", seconds_text(*transcript.duration_ms));
  }
  if (!transcript.note.empty()) {
    facts += fmt::format("<span class=\"soft\">{}</span>", escaped(clipped(transcript.note, kMostTextBytes)));
  }
  std::string out = fmt::format(
      "<div class=\"transcript\"><div class=\"command\"><pre tabindex=\"0\"><b aria-hidden=\"true\">$ </b>{}</pre>"
      "<p class=\"facts\">{}</p></div>\n",
      escaped(clipped(terminal_text(clipped(transcript.command, 2 * kMostTextBytes)), kMostTextBytes), true),
      facts);
  out += cut.text.empty() ? "<p class=\"soft nothing\">It printed nothing.</p>"
                          : fmt::format("<pre class=\"printed\" tabindex=\"0\">{}</pre>", escaped(cut.text, true));
  if (!cut.note.empty()) {
    out += "<p class=\"cut\">Cut: " + escaped(cut.note) + ".</p>";
  }
  return out + "</div>\n";
}

struct NoticeLook {
  const char* css;
  const char* sign;
  const char* word;
};

NoticeLook look_of(NoticeKind kind) {
  switch (kind) {
    case NoticeKind::kSimulated:
      return {"warn", "!", "Simulated"};
    case NoticeKind::kLabError:
      return {"bad", "\u2717", "The exercise is wrong here"};
    case NoticeKind::kNotRun:
      return {"none", "\u2013", "Not run here"};
    case NoticeKind::kProblem:
      return {"bad", "\u2717", "Problem"};
    case NoticeKind::kGood:
      return {"good", "\u2713", "Good"};
    case NoticeKind::kNote:
      break;
  }
  return {"none", "i", "Note"};
}

std::string question_html(const Question& question) {
  std::string out = "<div class=\"question\"><p class=\"asked\"><b>Question</b> " + inline_html(question.question) +
                    "</p>\n<div class=\"answer\"><b>Answer</b>";
  for (const Text& text : question.answer) {
    out += paragraph_html(text);
  }
  return out + (question.answer.empty() ? "<p class=\"soft\">None.</p>" : "") + "</div></div>\n";
}

std::string picture_html(const Picture& picture) {
  const auto size = png_size(picture.png);
  if (!size || picture.png.size() > kMostPictureBytes) {
    return fmt::format("<p class=\"cut\">A picture is left out, since it {}: {}</p>\n",
                       size ? "is too large" : "is no PNG file",
                       escaped(clipped(picture.alt, kMostTextBytes)));
  }
  return fmt::format(
      "<figure class=\"picture\"><img src=\"data:image/png;base64,{}\" width=\"{}\" height=\"{}\" "
      "alt=\"{}\"><figcaption>{}</figcaption></figure>\n",
      base::base64(picture.png),
      size->width,
      size->height,
      escaped(clipped(picture.alt, kMostTextBytes)),
      escaped(clipped(picture.caption.empty() ? picture.alt : picture.caption, kMostTextBytes)));
}

std::string check_html(const Check& check) {
  return fmt::format(
      "<div class=\"check {}\"><p><b class=\"sign\"><span aria-hidden=\"true\">{}</span> {}</b> "
      "<span class=\"name\">{}</span></p>{}</div>\n",
      check.passed ? "good" : "bad",
      check.passed ? "\u2713" : "\u2717",
      check.passed ? "passed" : "failed",
      escaped(clipped(check.name, kMostTextBytes)),
      check.detail.empty() ? "" : "<p class=\"detail\">" + inline_html(check.detail) + "</p>");
}

// A figure: its title, the drawing, the table of its figures, where they are from.
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

std::string matrix_html(const MatrixChart& chart, PageState& page) {
  const std::size_t columns = std::min(chart.columns.size(), kMostColumns);
  std::string out = fmt::format(
      "<figure class=\"matrix\"><figcaption><b>{}</b> {}</figcaption>\n<div class=\"scroll\" tabindex=\"0\"><table>"
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
    out += "<p class=\"source\">" + escaped(clipped(chart.head.description, kMostTextBytes)) + "</p>";
  }
  if (!chart.head.source.empty()) {
    out += "<p class=\"source\">" + inline_html(chart.head.source) + "</p>";
  }
  return out + "</figure>\n";
}

// Each kind of block in one place.
struct Render {
  PageState& page;

  std::string operator()(const Paragraph& block) const { return paragraph_html(block.text); }

  std::string operator()(const List& block) const { return list_html(block); }

  std::string operator()(const Transcript& block) const { return transcript_html(block); }

  std::string operator()(const Table& block) const { return table_html(block, page); }

  std::string operator()(const BarChart& block) const {
    return figure_html(titled(block.head),
                       block.head.origin,
                       bars_svg(block, page.next_place(block.head.origin)),
                       bars_table(block),
                       block.head.source,
                       left_out(block.groups.size(), block.series.size()),
                       page);
  }

  std::string operator()(const LineChart& block) const {
    return figure_html(titled(block.head),
                       block.head.origin,
                       lines_svg(block, page.next_place(block.head.origin)),
                       lines_table(block),
                       block.head.source,
                       left_out(0, block.lines.size()),
                       page);
  }

  std::string operator()(const StackedChart& block) const {
    return figure_html(titled(block.head),
                       block.head.origin,
                       stacked_svg(block, page.next_place(block.head.origin)),
                       stacked_table(block),
                       block.head.source,
                       left_out(block.groups.size(), block.parts.size()),
                       page);
  }

  std::string operator()(const MatrixChart& block) const { return matrix_html(block, page); }

  std::string operator()(const LayoutStrip& block) const {
    if (block.slots == 0) {
      return fmt::format("<figure class=\"chart strip\"><figcaption><b>{}</b></figcaption>"
                         "<p class=\"off\">MIG is off.</p></figure>\n",
                         escaped(strip_table(block).caption));
    }
    return figure_html(strip_table(block).caption,
                       std::nullopt,
                       strip_svg(block, page.next_place(std::nullopt)),
                       strip_table(block),
                       {},
                       "",
                       page);
  }

  std::string operator()(const Question& block) const { return question_html(block); }

  std::string operator()(const Notice& block) const { return notice_html(block); }

  std::string operator()(const Picture& block) const { return picture_html(block); }

  std::string operator()(const Check& block) const { return check_html(block); }
};

}  // namespace

Place PageState::next_place(const std::optional<Origin>& origin) {
  const bool elsewhere = origin == Origin::kCaptured || origin == Origin::kMeasured ||
                         origin == Origin::kDocumented || origin == Origin::kAssumed;
  return {fmt::format("_d{}", ++drawings), origin == Origin::kSimulated || (simulated && !elsewhere)};
}

std::string inline_html(const Text& text, std::size_t most) {
  std::string out;
  std::size_t left = most;
  for (const Span& span : text.spans) {
    const std::string words = escaped(clipped(span.text, left));
    out += span_html(span, words);
    left -= std::min(left, span.text.size());
    if (left == 0) {
      break;
    }
  }
  return out;
}

std::string origin_html(const std::optional<Origin>& origin, PageState& page) {
  if (!origin) {
    return "";
  }
  page.origins.insert(*origin);
  return fmt::format("<span class=\"origin o-{0}\">{0}</span>", name_of(*origin));
}

std::string notice_html(const Notice& notice) {
  const NoticeLook look = look_of(notice.kind);
  std::string out = fmt::format(
      "<div class=\"notice {}\" role=\"note\"><p><b class=\"word\"><span class=\"sign\" aria-hidden=\"true\">{}</span>{}.</b> {}</p>",
      look.css,
      look.sign,
      look.word,
      inline_html(notice.text));
  if (!notice.commands.empty()) {
    std::string commands;
    for (std::size_t i = 0; i < std::min(notice.commands.size(), kMostItems); ++i) {
      commands += "$ " + notice.commands[i] + "\n";
    }
    out += "<pre tabindex=\"0\">" + escaped(clipped(commands, kMostTranscriptBytes), true) + "</pre>";
  }
  return out + "</div>\n";
}

std::string block_html(const Block& block, PageState& page) {
  return std::visit(Render{page}, block);
}

}  // namespace mig::report
