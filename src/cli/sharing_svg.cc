// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string>

#include <fmt/format.h>

#include "cli/render_inventory.h"
#include "cli/render_sharing.h"
#include "report/svg.h"

namespace mig::cli {
namespace {

namespace svg = report::svg;

using sharing::Report;
using sharing::WayReport;
using svg::box;
using svg::line;
using svg::words;

constexpr int kSharingPage = 1000;
constexpr int kBarsLeft = 130;
constexpr int kBarsRight = 620;
constexpr int kWordsAt = kBarsRight + 60;
constexpr int kRowHeight = 52;
constexpr int kBar = 22;
constexpr int kBarsTopAt = 96;
constexpr std::size_t kLongestText = 118;

// Okabe and Ito's colours, distinguishable with colour blindness; each job's has an edge, too.
constexpr std::array<const char*, 4> kColors = {"#0072B2", "#56B4E9", "#009E73", "#E69F00"};

double most(const Report& report) {
  double found = 0;
  for (const WayReport& way : report.ways) {
    if (const auto& sum = way.figures.throughput) {
      found = std::max(found, std::max(sum->value, sum->high.value_or(0)));
    }
  }
  return found;
}

double x_of(double value, double widest) {
  return kBarsLeft +
         (kBarsRight - kBarsLeft) * (widest > 0 ? std::clamp(value / widest, 0.0, 1.0) : 0);
}

std::string board_of(const Report& report) {
  for (const WayReport& way : report.ways) {
    if (way.skipped.empty() && !way.places.empty()) {
      return way.places.front().board;
    }
  }
  return "GPU";
}

std::string shortened(const std::string& text) {
  return text.size() <= kLongestText ? text : text.substr(0, kLongestText - 3) + "...";
}

std::string bars(const WayReport& way, double widest, int y) {
  std::string out;
  double from = 0;
  std::size_t color = 0;
  for (const auto& job : way.figures.per_job) {
    const double to = from + (job ? job->value : 0);
    out += box(x_of(from, widest),
               y,
               x_of(to, widest) - x_of(from, widest),
               kBar,
               fmt::format("fill=\"{}\" stroke=\"#ffffff\"", kColors.at(color++ % kColors.size())));
    from = to;
  }
  const auto& sum = way.figures.throughput;
  if (sum && sum->low && sum->high) {
    const int middle = y + kBar / 2;
    const char* style = "stroke=\"#222222\" stroke-width=\"2\"";
    out += line(x_of(*sum->low, widest), middle, x_of(*sum->high, widest), middle, style);
    for (const double end : {*sum->low, *sum->high}) {
      out += line(x_of(end, widest), middle - 6, x_of(end, widest), middle + 6, style);
    }
  }
  return out;
}

std::string beside(const WayReport& way, const Report& report) {
  const sharing::Figures& figures = way.figures;
  std::string text;
  if (figures.throughput) {
    text = fmt::format("{:.1f} {}/s", figures.throughput->value, report.unit);
  }
  if (figures.gain) {
    text += fmt::format(", x{:.2f}", figures.gain->value);
  }
  if (figures.step_ms_p99) {
    text += fmt::format(", p99 {:.2f} ms", figures.step_ms_p99->value);
  }
  if (figures.died > 0) {
    text += fmt::format(", {} died", figures.died);
  }
  return text;
}

std::string row(const WayReport& way, const Report& report, double widest, int y) {
  std::string out =
      words(kBarsLeft - 12, y + 16, name_of(way.way), "text-anchor=\"end\" font-weight=\"bold\"");
  if (!way.skipped.empty()) {
    return out + words(kBarsLeft + 6, y + 16, shortened(way.skipped), "fill=\"#555555\"");
  }
  out += bars(way, widest, y);
  out += words(kWordsAt - 50, y + 16, beside(way, report));
  std::string where = meaning_of(way.way);
  if (!way.note.empty()) {
    where += "; " + way.note;
  }
  return out +
         words(kBarsLeft + 6, y + kBar + 16, shortened(where), "fill=\"#555555\" font-size=\"12\"");
}

}  // namespace

std::string sharing_svg(const Report& report, const wire::Source& source) {
  const int rows = static_cast<int>(report.ways.size());
  const int height = kBarsTopAt + rows * kRowHeight + 90;
  const std::string mark = simulated_mark(source);
  const std::string title = fmt::format("{}{}{} jobs on one {}, in each way of sharing it",
                                        mark,
                                        mark.empty() ? "" : ": ",
                                        report.jobs,
                                        board_of(report));
  std::string out = svg::head(kSharingPage, height, title);
  out += words(20, 28, title, "font-size=\"18\" font-weight=\"bold\"");
  out += words(20, 50, shortened(report.job), "fill=\"#555555\"");
  out += words(20,
               70,
               fmt::format("{} per second of the machine, one colour for each job; {:.0f} % "
                           "interval; {} rounds of {:g} s{}",
                           report.unit,
                           100 * report.confidence,
                           report.rounds,
                           report.seconds,
                           report.stopped ? ", stopped early" : ""),
               "fill=\"#555555\"");
  const double widest = most(report);
  int y = kBarsTopAt;
  for (const WayReport& way : report.ways) {
    out += row(way, report, widest, y);
    y += kRowHeight;
  }
  const int bottom = y;
  out += line(kBarsLeft, kBarsTopAt - 8, kBarsLeft, bottom, "stroke=\"#222222\"");
  out += words(20, bottom + 28, shortened("advice: " + report.advice.text), "font-weight=\"bold\"");
  if (!report.advice.rules.empty()) {
    const sharing::Rule& last = report.advice.rules.back();
    out += words(20, bottom + 50, shortened(last.name + ": " + last.because), "fill=\"#555555\"");
  }
  return out + "</svg>\n";
}

}  // namespace mig::cli
