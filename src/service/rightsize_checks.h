// SPDX-License-Identifier: Apache-2.0
// Inside of service/: what becomes of a right-sizing's runs, and this machine's own checks of
// predictions, kept beside the journal.
#ifndef MIGCTL_SERVICE_RIGHTSIZE_CHECKS_H_
#define MIGCTL_SERVICE_RIGHTSIZE_CHECKS_H_

#include <optional>
#include <vector>

#include "mig/result.h"

#include "advise/slowdown.h"
#include "model/rightsize_values.h"

namespace mig::node {
class Node;
}  // namespace mig::node

namespace mig::service {

// How far checked predictions were off, in half-widths of the shipped interval; the newest last.
struct Calibration {
  std::vector<double> errors;
};

// Without a readable file: none.
Calibration read_calibration(node::Node& node);
// Adds those of the checks, and writes the file (0600) when there are any.
Result<void> keep_calibration(node::Node& node,
                              Calibration& calibration,
                              const std::vector<rightsize::Check>& checks);

// From the report's runs; nullopt without a rate.
std::optional<advise::Slowdown> slowdown_of(const rightsize::Report& report);

// Predictions and choices from the report's runs, shape, memory and margin.
void reckon_report(rightsize::Report& report,
                   const std::vector<rightsize::Size>& sizes,
                   const std::vector<rightsize::Target>& targets);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_RIGHTSIZE_CHECKS_H_
