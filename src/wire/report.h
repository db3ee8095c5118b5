// SPDX-License-Identifier: Apache-2.0
// JSON of a written report (kind Report). Threading: pure functions.
#ifndef MIGCTL_WIRE_REPORT_H_
#define MIGCTL_WIRE_REPORT_H_

#include <string>

#include "model/report_values.h"

namespace mig::wire {

std::string report_document(const report::Report& report);

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_REPORT_H_
