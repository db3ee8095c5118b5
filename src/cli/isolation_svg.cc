// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "cli/render_inventory.h"
#include "cli/render_isolation.h"
#include "report/svg.h"

namespace mig::cli {
namespace {

namespace svg = report::svg;

using isolation::Cell;
using isolation::Finding;
using isolation::ModeReport;
using svg::line;
using svg::words;

constexpr int kPageWidth = 1000;
constexpr int kPlotLeft = 190;
constexpr int kPlotWidth = 420;
constexpr int kWordsLeft = kPlotLeft + kPlotWidth + 30;
constexpr int kRow = 26;
constexpr int kHead = 56;      // header of a panel
constexpr int kFoot = 34;      // axis of a panel
constexpr int kTitle = 66;     // title of the page
constexpr double kMost = 1.2;  // right end of the axis
constexpr std::size_t kLongestWords = 48;

// Okabe and Ito's colours, distinguishable with colour blindness; the shapes differ too.
const char* color_of(Finding finding) {
  switch (finding) {
    case Finding::kIsolated:
      return "#009E73";
    case Finding::kSlowed:
      return "#E69F00";
    case Finding::kKilled:
      return "#D55E00";
    case Finding::kUndecided:
      break;
  }
  return "#666666";
}

double x_of(double share) {
  return kPlotLeft + kPlotWidth * std::clamp(share, 0.0, kMost) / kMost;
}

std::string mark_of(Finding finding, double x, int y) {
  const char* color = color_of(finding);
  switch (finding) {
    case Finding::kIsolated:
      return fmt::format("<circle cx=\"{:.1f}\" cy=\"{}\" r=\"5\" fill=\"{}\"/>\n", x, y, color);
    case Finding::kSlowed:
      return fmt::format(
          "<path d=\"M{0:.1f} {1} l6 6 l-6 6 l-6 -6 z\" fill=\"{2}\"/>\n", x, y - 6, color);
    case Finding::kKilled:
      return fmt::format(
          "<path d=\"M{0:.1f} {1} l10 10 m0 -10 l-10 10\" stroke=\"{2}\" stroke-width=\"3\"/>\n",
          x - 5,
          y - 5,
          color);
    case Finding::kUndecided:
      break;
  }
  return fmt::format(
      "<circle cx=\"{:.1f}\" cy=\"{}\" r=\"5\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>\n",
      x,
      y,
      color);
}

std::string short_verdict(const Cell& cell) {
  std::string text = verdict_text(cell);
  if (text.size() > kLongestWords) {
    text = text.substr(0, kLongestWords - 3) + "...";
  }
  return text;
}

std::string row(const Cell& cell, int y) {
  const isolation::Verdict& verdict = cell.verdict;
  std::string out = words(kPlotLeft - 12, y + 5, cell.neighbour, "text-anchor=\"end\"");
  const auto& share = verdict.share;
  if (share && share->low && share->high) {
    out += line(x_of(*share->low),
                y,
                x_of(*share->high),
                y,
                fmt::format("stroke=\"{}\" stroke-width=\"3\"", color_of(verdict.finding)));
  }
  const bool dead = verdict.finding == Finding::kKilled;
  if (share || dead) {
    out += mark_of(verdict.finding, x_of(dead || !share ? 0 : share->value), y);
  }
  return out + words(kWordsLeft, y + 5, short_verdict(cell));
}

std::string axis(int top, int bottom, double margin) {
  std::string out;
  for (int tenth = 0; tenth <= 12; tenth += 2) {
    const double x = x_of(tenth / 10.0);
    out += line(x, top, x, bottom, "stroke=\"#dddddd\"");
    out += words(
        x, bottom + 18, fmt::format("{} %", tenth * 10), "text-anchor=\"middle\" fill=\"#555555\"");
  }
  out += line(x_of(1), top, x_of(1), bottom, "stroke=\"#222222\" stroke-width=\"1.5\"");
  const double least = x_of(1 - margin);
  return out + line(least, top, least, bottom, "stroke=\"#222222\" stroke-dasharray=\"4 3\"");
}

int height_of(const ModeReport& mode) {
  return mode.skipped.empty() ? kHead + kRow * static_cast<int>(mode.cells.size()) + kFoot : kHead;
}

std::string panel(const ModeReport& mode, int top, double margin) {
  std::string out = words(20,
                          top + 20,
                          fmt::format("{}: {}", name_of(mode.sharing), meaning_of(mode.sharing)),
                          "font-weight=\"bold\"");
  if (!mode.skipped.empty()) {
    return out + words(20, top + 42, "not run: " + mode.skipped, "fill=\"#555555\"");
  }
  out += words(20,
               top + 40,
               mode.victim.board + ": victim on " + mode.victim.label + ", neighbour on " +
                   mode.neighbour.label,
               "fill=\"#555555\"");
  const int first = top + kHead;
  out += axis(first, first + kRow * static_cast<int>(mode.cells.size()), margin);
  for (std::size_t i = 0; i < mode.cells.size(); ++i) {
    out += row(mode.cells[i], first + kRow * static_cast<int>(i) + kRow / 2);
  }
  return out;
}

}  // namespace

std::string isolation_svg(const isolation::Report& report, const wire::Source& source) {
  int height = kTitle + 20;
  for (const ModeReport& mode : report.modes) {
    height += height_of(mode);
  }
  const std::string mark = simulated_mark(source);
  const std::string title =
      (mark.empty() ? "" : mark + ": ") + "what a neighbour leaves of a training's speed";
  std::string out = svg::head(kPageWidth, height, title);
  out += words(20, 28, title, "font-size=\"18\" font-weight=\"bold\"");
  out += words(
      20,
      50,
      fmt::format("Share of the speed alone, with its {:.0f} % interval; {} rounds of {:g} s{}. "
                  "Right of the dashed line: isolated.",
                  100 * report.criteria.confidence,
                  report.rounds,
                  report.seconds,
                  report.stopped ? ", stopped early" : ""),
      "fill=\"#555555\"");
  int top = kTitle;
  for (const ModeReport& mode : report.modes) {
    out += panel(mode, top, report.criteria.margin);
    top += height_of(mode);
  }
  return out + "</svg>\n";
}

}  // namespace mig::cli
