// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "cli/period.h"
#include "cli/render_cost.h"
#include "cli/render_inventory.h"
#include "report/svg.h"

namespace mig::cli {
namespace {

namespace svg = report::svg;

using cost::Micros;
using cost::Part;

constexpr int kCostPage = 1000;
constexpr int kBarLeft = 230;
constexpr int kBarRight = 850;
constexpr int kBarRow = 30;
constexpr int kBarHeight = 20;
constexpr int kBarsTop = 112;
constexpr std::size_t kMostBars = 40;
constexpr std::size_t kLongestName = 28;

// Okabe and Ito's colours; what nobody had is pale, what is unknown is dashed.
const char* style_of(Part part) {
  switch (part) {
    case Part::kAllocated:
      return "fill=\"#0072B2\"";
    case Part::kIdle:
      return "fill=\"#E69F00\"";
    case Part::kUnallocated:
      return "fill=\"#BBD9EA\"";
    case Part::kStranded:
      return "fill=\"#D55E00\"";
    case Part::kNotRecorded:
      break;
  }
  return "fill=\"#ffffff\" stroke=\"#888888\" stroke-dasharray=\"3 2\"";
}

std::string cut(const std::string& name) {
  if (name.size() <= kLongestName) {
    return name;
  }
  std::size_t end = kLongestName - 3;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0U) == 0x80U) {
    --end;  // before a character of UTF-8, not within it
  }
  return name.substr(0, end) + "...";
}

double share_of(Micros money, Micros whole) {
  return whole == 0 ? 0 : static_cast<double>(money) / static_cast<double>(whole);
}

std::string cost_bar(const std::string& name, const cost::Split& split, Micros widest, int y) {
  std::string out = svg::words(kBarLeft - 12, y + 15, cut(name), "text-anchor=\"end\"");
  double x = kBarLeft;
  for (const Part part : cost::kParts) {
    const double width = (kBarRight - kBarLeft) * share_of(split.at(part), widest);
    if (width > 0) {
      out += svg::box(x, y, width, kBarHeight, style_of(part));
    }
    x += width;
  }
  return out + svg::words(x + 8, y + 15, cost::money_text(cost::to_cents({split.total()}).front()));
}

std::string legend() {
  std::string out;
  double x = 20;
  for (const Part part : cost::kParts) {
    constexpr int kTop = 76;
    constexpr double kBeside = 150;
    out += svg::box(x, kTop, 16, 16, style_of(part));
    out += svg::words(x + 24, kTop + 13, cost::name_of(part));
    x += kBeside;
  }
  return out;
}

std::string title_of(const wire::Source& source, const std::string& title) {
  const std::string mark = simulated_mark(source);
  return (mark.empty() ? "" : mark + ": ") + title;
}

std::string origin_of(const cost::PriceTable& prices) {
  return prices.file.empty()
             ? "prices: shipped examples of " + prices.date + ", not what these GPUs cost"
             : "prices: " + prices.file;
}

constexpr int kPlotBottom = 380;
constexpr int kPlotTop = 90;
constexpr int kLinesLeft = 90;
constexpr int kLinesRight = 760;

}  // namespace

std::string cost_svg(const cost::CostReport& report, const wire::Source& source) {
  const std::size_t bars = std::min(report.lines.size(), kMostBars);
  const int height = kBarsTop + kBarRow * static_cast<int>(bars + 1) + 40;
  const std::string title =
      title_of(source, fmt::format("what the machine cost, by {}", cost::name_of(report.by)));
  std::string out = svg::head(kCostPage, height, title);
  out += svg::words(20, 28, title, "font-size=\"18\" font-weight=\"bold\"");
  out += svg::words(20,
                    52,
                    fmt::format("{} to {}, in {}; {}",
                                time_text(report.from_ms),
                                time_text(report.until_ms),
                                report.currency,
                                cost::meaning_of(report.policy)),
                    "fill=\"#555555\"");
  out += legend();
  Micros widest = report.total;
  int y = kBarsTop;
  out += cost_bar("all", report.sum, widest, y);
  y += kBarRow;
  for (std::size_t i = 0; i < bars; ++i, y += kBarRow) {
    const cost::Line& line = report.lines[i];
    out += cost_bar(cost_line_name(report, line.key), line.split, widest, y);
  }
  const std::string more =
      report.lines.size() > bars ? fmt::format("; {} more lines", report.lines.size() - bars) : "";
  return out + svg::words(20, y + 24, origin_of(report.prices) + more, "fill=\"#555555\"") +
         "</svg>\n";
}

// Cost of an hour over the share of time that the workloads run, at half, one and two times the
// dedicated GPUs' prices.
std::string comparison_svg(const cost::Comparison& comparison, const wire::Source& source) {
  const std::string title =
      title_of(source,
               fmt::format("an hour of {} workloads: MIG against a GPU for each, in {}",
                           comparison.dedicated.size(),
                           comparison.currency));
  std::string out = svg::head(kCostPage, kPlotBottom + 70, title);
  out += svg::words(20, 28, title, "font-size=\"18\" font-weight=\"bold\"");
  out += svg::words(
      20,
      52,
      "dedicated GPUs are rented only while the workloads run; " + origin_of(comparison.prices),
      "fill=\"#555555\"");
  const double most = static_cast<double>(
      std::max<Micros>({2 * comparison.dedicated_hour, comparison.mig_hour, 1}));
  const auto y_of = [&](double money) {
    return kPlotBottom - (kPlotBottom - kPlotTop) * money / most;
  };
  const auto x_of = [](int percent) {
    return kLinesLeft + (kLinesRight - kLinesLeft) * percent / 100.0;
  };
  for (int percent = 0; percent <= 100; percent += 20) {
    out += svg::line(x_of(percent), kPlotTop, x_of(percent), kPlotBottom, "stroke=\"#dddddd\"");
    out += svg::words(x_of(percent),
                      kPlotBottom + 20,
                      fmt::format("{} %", percent),
                      "text-anchor=\"middle\" fill=\"#555555\"");
  }
  for (int quarter = 0; quarter <= 4; ++quarter) {
    const double money = most * quarter / 4;
    out += svg::line(kLinesLeft, y_of(money), kLinesRight, y_of(money), "stroke=\"#eeeeee\"");
    out += svg::words(kLinesLeft - 8,
                      static_cast<int>(y_of(money)) + 5,
                      fmt::format("{:.2f}", money / cost::kMicrosPerUnit),
                      "text-anchor=\"end\" fill=\"#555555\"");
  }

  struct Curve {
    double times;
    const char* color;
  };

  for (const Curve& curve : {Curve{0.5, "#56B4E9"}, Curve{1, "#0072B2"}, Curve{2, "#004A73"}}) {
    const double end = curve.times * static_cast<double>(comparison.dedicated_hour);
    out += svg::line(x_of(0),
                     y_of(0),
                     x_of(100),
                     y_of(end),
                     fmt::format("stroke=\"{}\" stroke-width=\"2.5\"", curve.color));
    out += svg::words(kLinesRight + 8,
                      static_cast<int>(y_of(end)) + 5,
                      fmt::format("dedicated, prices x{:g}", curve.times),
                      fmt::format("fill=\"{}\"", curve.color));
  }
  const double mig = y_of(static_cast<double>(comparison.mig_hour));
  out += svg::line(kLinesLeft,
                   mig,
                   kLinesRight,
                   mig,
                   "stroke=\"#D55E00\" stroke-width=\"2.5\" stroke-dasharray=\"7 4\"");
  out += svg::words(kLinesLeft + 8, static_cast<int>(mig) - 8, "MIG", "fill=\"#D55E00\"");
  out += svg::words((kLinesLeft + kLinesRight) / 2.0,
                    kPlotBottom + 46,
                    "share of the time that the workloads run",
                    "text-anchor=\"middle\" fill=\"#555555\"");
  return out + "</svg>\n";
}

}  // namespace mig::cli
