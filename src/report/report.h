// SPDX-License-Identifier: Apache-2.0
// A report as one HTML file and as Markdown. The HTML needs nothing from elsewhere: style and
// drawings are in it, it runs no script, and it stays below kMostHtmlBytes whatever the report has;
// what does not fit is cut or left out with a note. JSON is in wire/report.h.
//
// Threading: pure functions. Example:
//   const std::string page = report::report_html(report);
#ifndef MIGCTL_REPORT_REPORT_H_
#define MIGCTL_REPORT_REPORT_H_

#include <cstddef>
#include <string>

#include "model/report_values.h"

namespace mig::report {

inline constexpr std::size_t kMostHtmlBytes = 2'000'000;

std::string report_html(const Report& report);
std::string report_markdown(const Report& report);

}  // namespace mig::report

#endif  // MIGCTL_REPORT_REPORT_H_
