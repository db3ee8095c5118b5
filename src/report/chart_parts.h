// SPDX-License-Identifier: Apache-2.0
// What the charts share: the scale, the legend, the marks of series. Private to this room.
#ifndef MIGCTL_REPORT_CHART_PARTS_H_
#define MIGCTL_REPORT_CHART_PARTS_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "model/report_values.h"
#include "report/charts.h"

namespace mig::report {

inline constexpr int kChartWidth = 720;
inline constexpr double kTextSize = 13;
inline constexpr int kLegendRow = 22;

// From values to pixels, with round ticks.
struct Scale {
  double low = 0, high = 1;    // values at the ends
  double from = 0, until = 1;  // pixels there
  double step = 1;             // between ticks

  double at(double value) const;
  std::vector<double> ticks() const;
};

// Ends on round values, unless `exact`.
Scale scale_of(double low, double high, double from, double until, int ticks, bool exact = false);

// Attributes of a filled area of series `i`.
std::string fill_of(std::size_t i);
// Attributes of a line of series `i`: colour and dashes.
std::string stroke_of(std::size_t i);
// Its shape at a point.
std::string marker_of(std::size_t i, double x, double y);

struct Legend {
  std::string drawing;
  int height = 0;
};

// Names with their samples in rows from (left, top); `lines`: a line with a marker, else an area.
Legend legend_of(const std::vector<std::string>& names, double left, double top, bool lines);

// "SIMULATED" in the corner, where it is.
std::string corner_mark(const Place& place, int height);

std::string titled(const ChartHead& head);       // "title, unit"
std::string description_of(const ChartHead& head, std::string_view kind);

}  // namespace mig::report

#endif  // MIGCTL_REPORT_CHART_PARTS_H_
