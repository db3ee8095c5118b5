// SPDX-License-Identifier: Apache-2.0
// Charts as SVG for the page, and their figures as tables for everybody else. Series differ by
// pattern, dash and shape as well as by colour, and carry their names. Threading: pure functions.
#ifndef MIGCTL_REPORT_CHARTS_H_
#define MIGCTL_REPORT_CHARTS_H_

#include <string>

#include "model/report_values.h"

namespace mig::report {

struct Place {
  std::string id;          // unique in the page
  bool simulated = false;  // the drawing says so
};

// "" where there is nothing to draw.
std::string bars_svg(const BarChart& chart, const Place& place);
std::string lines_svg(const LineChart& chart, const Place& place);
std::string stacked_svg(const StackedChart& chart, const Place& place);
std::string strip_svg(const LayoutStrip& strip, const Place& place);

Table bars_table(const BarChart& chart);
Table lines_table(const LineChart& chart);
Table stacked_table(const StackedChart& chart);
Table matrix_table(const MatrixChart& chart);
Table strip_table(const LayoutStrip& strip);

// Patterns that the drawings of a page share.
std::string pattern_definitions();

}  // namespace mig::report

#endif  // MIGCTL_REPORT_CHARTS_H_
