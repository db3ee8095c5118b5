// SPDX-License-Identifier: Apache-2.0
// Reports for tests: one with every kind of block and text that tries to become markup.
#ifndef MIGCTL_MODEL_TESTING_TEST_REPORT_H_
#define MIGCTL_MODEL_TESTING_TEST_REPORT_H_

#include <string>

#include "model/report_values.h"

namespace mig::report {

// Tags, quotes, ANSI and OSC escapes, bidirectional overrides, bytes that are not UTF-8.
const std::string& hostile_text();

// `picture`: bytes of a PNG file. Every figure of it is made up.
Report test_report(const std::string& picture);

// Its charts.
Section test_charts();

}  // namespace mig::report

#endif  // MIGCTL_MODEL_TESTING_TEST_REPORT_H_
