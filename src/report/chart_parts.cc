// SPDX-License-Identifier: Apache-2.0
#include "report/chart_parts.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "report/escape.h"
#include "report/limits.h"
#include "report/svg.h"

namespace mig::report {
namespace {

constexpr double kSwatch = 26;

double round_step(double raw) {
  if (!(raw > 0) || !std::isfinite(raw)) {
    return 1;
  }
  const double power = std::pow(10, std::floor(std::log10(raw)));
  for (const double times : {1.0, 2.0, 2.5, 5.0}) {
    if (times * power >= raw * (1 - 1e-9)) {
      return times * power;
    }
  }
  return 10 * power;
}

}  // namespace

double Scale::at(double value) const {
  const bool drawn = high > low && !std::isnan(value);
  const double share = drawn ? (std::clamp(value, low, high) - low) / (high - low) : 0;
  return from + (until - from) * share;
}

std::vector<double> Scale::ticks() const {
  std::vector<double> out;
  const double first = std::ceil(low / step - 1e-9);
  for (int i = 0; i < 50 && (first + i) * step <= high + step * 1e-6; ++i) {
    out.push_back((first + i) * step);
  }
  return out;
}

Scale scale_of(double low, double high, double from, double until, int ticks, bool exact) {
  if (!std::isfinite(low) || !std::isfinite(high)) {
    low = 0;
    high = 1;
  }
  if (!(high > low)) {
    high = low + 1;
  }
  Scale scale{low, high, from, until, round_step((high - low) / ticks)};
  if (!exact) {
    scale.low = std::floor(low / scale.step + 1e-9) * scale.step;
    scale.high = std::ceil(high / scale.step - 1e-9) * scale.step;
  }
  return scale;
}

std::string fill_of(std::size_t i) {
  return fmt::format("class=\"area\" fill=\"url(#_p{})\"", i % kMostSeries);
}

std::string stroke_of(std::size_t i) {
  return fmt::format("class=\"line s{}\"", i % kMostSeries);
}

std::string marker_of(std::size_t i, double x, double y) {
  static constexpr std::array<const char*, kMostSeries> kShapes = {
      "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
      "m-3.7 -3.7h7.4v7.4h-7.4z",
      "m0 -5l5 5l-5 5l-5 -5z",
      "m0 -4.8l4.8 8.6h-9.6z",
      "m0 4.8l4.8 -8.6h-9.6z",
      "m-4 -4l8 8m0 -8l-8 8",
      "m-5 0h10m-5 -5v10",
      "m-5 -2h10v4h-10z"};
  return fmt::format("<path class=\"marker m{0}\" d=\"M{1:.1f} {2:.1f}{3}\"/>\n",
                     i % kMostSeries,
                     x,
                     y,
                     kShapes[i % kMostSeries]);
}

Legend legend_of(const std::vector<std::string>& names, double left, double top, bool lines) {
  Legend legend;
  double x = left;
  double y = top;
  for (std::size_t i = 0; i < std::min(names.size(), kMostSeries); ++i) {
    const std::string name = svg::fitted(names[i], kChartWidth - left - kSwatch - 20, kTextSize);
    const double width = kSwatch + 8 + svg::width_of(name, kTextSize) + 18;
    if (x > left && x + width > kChartWidth) {
      x = left;
      y += kLegendRow;
    }
    if (lines) {
      legend.drawing += svg::line(x, y + 8, x + kSwatch, y + 8, stroke_of(i));
      legend.drawing += marker_of(i, x + kSwatch / 2, y + 8);
    } else {
      legend.drawing += svg::box(x, y + 1, kSwatch, 13, fill_of(i));
    }
    legend.drawing += svg::words(x + kSwatch + 8, y + 12.5, name);
    x += width;
  }
  legend.height = names.empty() ? 0 : static_cast<int>(y - top) + kLegendRow;
  return legend;
}

std::string corner_mark(const Place& place, int height) {
  return place.simulated ? svg::words(kChartWidth - 4,
                                      height - 6,
                                      "SIMULATED: no hardware",
                                      "class=\"corner\" text-anchor=\"end\"")
                         : "";
}

std::string titled(const ChartHead& head) {
  return clipped(head.unit.empty() ? head.title : head.title + ", " + head.unit, kMostTitleBytes);
}

std::string description_of(const ChartHead& head, std::string_view kind) {
  return clipped(head.description.empty() ? fmt::format("{} of {}", kind, titled(head))
                                          : head.description,
                 kMostTextBytes) +
         ". The figures are in the table below the chart.";
}

std::string pattern_definitions() {
  static constexpr std::array<const char*, kMostSeries> kLines = {
      "",
      "M-1 1l2 -2M0 8l8 -8M7 9l2 -2",
      "M2 2h.1M6 6h.1",
      "M0 4h8",
      "M-1 7l2 2M0 0l8 8M7 -1l2 2",
      "M4 0v8",
      "M0 4h8M4 0v8",
      "M-1 1l2 -2M0 8l8 -8M7 9l2 -2M-1 7l2 2M0 0l8 8M7 -1l2 2"};
  std::string out = "<svg class=\"patterns\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>\n";
  for (std::size_t i = 0; i < kLines.size(); ++i) {
    out += fmt::format(
        "<pattern id=\"_p{0}\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">"
        "<rect class=\"f{0}\" width=\"8\" height=\"8\"/>{1}</pattern>\n",
        i,
        *kLines[i] == '\0' ? ""
                           : fmt::format("<path class=\"hatch{}\" d=\"{}\"/>", i == 2 ? " dots" : "", kLines[i]));
  }
  return out +
         "<pattern id=\"_free\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">"
         "<path class=\"free-lines\" d=\"M-1 1l2 -2M0 8l8 -8M7 9l2 -2\"/></pattern>\n"
         "</defs></svg>\n";
}

}  // namespace mig::report
