// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "base/strings.h"
#include "report/charts.h"
#include "report/escape.h"
#include "report/limits.h"
#include "report/report.h"

namespace mig::report {
namespace {

// Text as it is, wherever in a line it stands: each sign that means something is escaped.
std::string md(std::string_view text) {
  std::string out;
  for (const char c : base::printable(clipped(text, kMostTextBytes))) {
    if (std::string_view("\\`*_{}[]<>()#+-!|~&$@=:").find(c) != std::string_view::npos) {
      // Of these only some begin a block at the start of a line, or mean something at all beside a
      // letter; unescaped in the middle of words they keep the source readable.
      const bool inner = std::string_view("+-!():=.@").find(c) != std::string_view::npos;
      if (!inner || out.empty()) {
        out += '\\';
      }
    }
    out += c;
  }
  // "1. " would begin a list, "4.1" would not.
  const std::size_t digits = out.find_first_not_of("0123456789");
  if (digits != 0 && digits != std::string::npos && (out[digits] == '.' || out[digits] == ')') &&
      (digits + 1 == out.size() || out[digits + 1] == ' ')) {
    out.insert(digits, "\\");
  }
  return out;
}

std::size_t longest_run(std::string_view text, char sign) {
  std::size_t longest = 0;
  std::size_t run = 0;
  for (const char c : text) {
    run = c == sign ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return longest;
}

std::string code_md(std::string_view text, bool in_table) {
  const std::string plain = base::printable(clipped(text, kMostTextBytes));
  const std::string fence(longest_run(plain, '`') + 1, '`');
  const bool pad = plain.empty() || plain.front() == '`' || plain.back() == '`';
  std::string out;
  for (const char c : plain) {
    out += c == '|' && in_table ? "\\|" : std::string(1, c);
  }
  return fence + (pad ? " " : "") + out + (pad ? " " : "") + fence;
}

std::string address_md(std::string_view address) {
  std::string out;
  for (const char c : base::printable(address)) {
    out += std::string_view("()<>|\\`\"'").find(c) == std::string_view::npos
               ? std::string(1, c)
               : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string inline_md(const Text& text, bool in_table = false) {
  std::string out;
  for (const Span& span : text.spans) {
    switch (span.kind) {
      case SpanKind::kCode:
        out += code_md(span.text, in_table);
        break;
      case SpanKind::kEmphasis:
        out += "*" + md(span.text) + "*";
        break;
      case SpanKind::kLink:
        out += may_link(span.address)
                   ? fmt::format("[{}]({})", md(span.text), address_md(span.address))
                   : md(span.text);
        break;
      case SpanKind::kPlain:
        out += md(span.text);
        break;
    }
  }
  return out;
}

std::string block_of_code(std::string_view text) {
  const std::string plain = base::printable(text, true);
  const std::string fence(std::max<std::size_t>(3, longest_run(plain, '`') + 1), '`');
  return fence + "\n" + plain + (plain.empty() || plain.back() == '\n' ? "" : "\n") + fence +
         "\n\n";
}

std::string origin_md(const std::optional<Origin>& origin) {
  return origin ? fmt::format(" ({})", name_of(*origin)) : "";
}

std::string tone_md(Tone tone) {
  switch (tone) {
    case Tone::kGood:
      return "\u2713 ";
    case Tone::kWarning:
      return "(!) ";
    case Tone::kBad:
      return "\u2717 ";
    case Tone::kUnknown:
    case Tone::kPlain:
      break;
  }
  return "";
}

std::string head_md(const Table& table, std::size_t columns) {
  std::string heads = "|";
  std::string rule = "|";
  for (std::size_t i = 0; i < columns; ++i) {
    const Column& column = table.columns[i];
    heads +=
        fmt::format(" {}{} |", md(column.title), column.unit.empty() ? "" : ", " + md(column.unit));
    rule += column.align == Align::kRight ? "---:|" : "---|";
  }
  return heads + "\n" + rule + "\n";
}

std::string cell_md(const Cell& cell, const Table& table) {
  return fmt::format(" {}{}{} |",
                     tone_md(cell.tone),
                     cell.text.empty() ? "unknown" : inline_md(cell.text, true),
                     cell.origin == table.origin ? "" : origin_md(cell.origin));
}

std::string table_md(const Table& table) {
  if (table.columns.empty()) {
    return "";
  }
  std::string out;
  if (!table.caption.empty()) {
    out += fmt::format("**{}**{}\n\n", md(table.caption), origin_md(table.origin));
  }
  const std::size_t columns = std::min(table.columns.size(), kMostColumns);
  out += head_md(table, columns);
  for (std::size_t row = 0; row < std::min(table.rows.size(), kMostRows); ++row) {
    out += "|";
    for (std::size_t i = 0; i < columns; ++i) {
      out += cell_md(i < table.rows[row].size() ? table.rows[row][i] : Cell{}, table);
    }
    out += "\n";
  }
  out += "\n";
  if (table.rows.size() > kMostRows) {
    out += fmt::format("{} more rows are left out.\n\n", table.rows.size() - kMostRows);
  }
  return out + (table.source.empty() ? "" : inline_md(table.source) + "\n\n");
}

std::string chart_md(const ChartHead& head, Table table) {
  table.caption = head.unit.empty() ? head.title : head.title + ", " + head.unit;
  std::string out = table_md(table);
  if (!head.description.empty()) {
    out += md(head.description) + "\n\n";
  }
  return out + (head.source.empty() ? "" : inline_md(head.source) + "\n\n");
}

const char* word_of(NoticeKind kind) {
  switch (kind) {
    case NoticeKind::kSimulated:
      return "Simulated";
    case NoticeKind::kLabError:
      return "The exercise is wrong here";
    case NoticeKind::kNotRun:
      return "Not run here";
    case NoticeKind::kProblem:
      return "Problem";
    case NoticeKind::kGood:
      return "Good";
    case NoticeKind::kNote:
      break;
  }
  return "Note";
}

struct MarkdownBlock {
  std::string operator()(const Paragraph& block) const { return inline_md(block.text) + "\n\n"; }

  std::string operator()(const List& block) const {
    std::string out;
    for (std::size_t i = 0; i < std::min(block.items.size(), kMostItems); ++i) {
      out +=
          (block.numbered ? fmt::format("{}. ", i + 1) : "- ") + inline_md(block.items[i]) + "\n";
    }
    return out + "\n";
  }

  std::string operator()(const Transcript& block) const {
    const CutText cut = cut_transcript(block.printed);
    std::string out = block_of_code(
        "$ " + clipped(terminal_text(clipped(block.command, 2 * kMostTextBytes)), kMostTextBytes) +
        "\n" + cut.text);
    std::vector<std::string> facts;
    if (block.exit_code) {
      facts.push_back(fmt::format("exit code {}", *block.exit_code));
    }
    if (block.duration_ms) {
      facts.push_back(fmt::format("{} ms", *block.duration_ms));
    }
    for (const std::string& note : {block.note, cut.note}) {
      if (!note.empty()) {
        facts.push_back(md(note));
      }
    }
    return out + (facts.empty() ? "" : fmt::format("({})\n\n", fmt::join(facts, ", ")));
  }

  std::string operator()(const Table& block) const { return table_md(block); }

  std::string operator()(const BarChart& block) const {
    return chart_md(block.head, bars_table(block));
  }

  std::string operator()(const LineChart& block) const {
    return chart_md(block.head, lines_table(block));
  }

  std::string operator()(const StackedChart& block) const {
    return chart_md(block.head, stacked_table(block));
  }

  std::string operator()(const MatrixChart& block) const {
    Table table = matrix_table(block);
    table.source = {};
    return chart_md(block.head, std::move(table));
  }

  std::string operator()(const LayoutStrip& block) const {
    if (block.slots == 0) {
      return fmt::format("**{}**: MIG is off.\n\n", md(strip_table(block).caption));
    }
    return table_md(strip_table(block));
  }

  std::string operator()(const Question& block) const {
    std::string out = "**Question.** " + inline_md(block.question) + "\n\n**Answer.** ";
    for (const Text& text : block.answer) {
      out += inline_md(text) + "\n\n";
    }
    return out + (block.answer.empty() ? "None.\n\n" : "");
  }

  std::string operator()(const Notice& block) const {
    std::string out = fmt::format("> **{}.** {}\n\n", word_of(block.kind), inline_md(block.text));
    if (!block.commands.empty()) {
      out += block_of_code("$ " + base::join(block.commands, "\n$ "));
    }
    return out;
  }

  std::string operator()(const Picture& block) const {
    return fmt::format("(Picture, in the HTML report: {})\n\n", md(block.alt));
  }

  std::string operator()(const Check& block) const {
    return fmt::format("- {} {}{}\n\n",
                       block.passed ? "\u2713 passed:" : "\u2717 **failed:**",
                       inline_md(block.name),
                       block.detail.empty() ? "" : ". " + inline_md(block.detail));
  }
};

}  // namespace

std::string report_markdown(const Report& report) {
  std::string out =
      fmt::format("# {}{}\n\n", report.simulated ? "SIMULATED: " : "", md(report.title));
  if (!report.subtitle.empty()) {
    out += md(report.subtitle) + "\n\n";
  }
  if (report.simulated) {
    out += fmt::format(
        "> **Simulated machine{}.** Its times and rates are a model's, not hardware's.\n\n",
        report.simulated_machine.empty() ? "" : " " + code_md(report.simulated_machine, false));
  }
  out += "| | |\n|---|---|\n";
  for (std::size_t i = 0; i < std::min(report.machine.size(), kMostFacts); ++i) {
    const Fact& fact = report.machine[i];
    out += fmt::format("| {} | {} |\n",
                       md(fact.name),
                       fact.value.empty() ? "unknown" : inline_md(fact.value, true));
  }
  if (report.created_ms > 0) {
    out += "| Made | " + utc_text(report.created_ms) + " |\n";
  }
  if (!report.program.empty()) {
    out += "| By | " + md(report.program) + " |\n";
  }
  out += "\n";
  for (std::size_t i = 0; i < std::min(report.sections.size(), kMostSections); ++i) {
    const Section& section = report.sections[i];
    out += fmt::format("{} {}{}\n\n",
                       section.level > 1 && i > 0 ? "###" : "##",
                       section.number.empty() ? "" : md(section.number) + " ",
                       md(section.title));
    for (const Block& block : section.blocks) {
      out += std::visit(MarkdownBlock{}, block);
    }
  }
  while (out.ends_with("\n\n")) {
    out.pop_back();
  }
  return out;
}

}  // namespace mig::report
