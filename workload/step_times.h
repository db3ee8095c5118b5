// SPDX-License-Identifier: Apache-2.0
// Distribution of the step times of a training: median, p99 and maximum.
#ifndef MIGCTL_WORKLOAD_STEP_TIMES_H_
#define MIGCTL_WORKLOAD_STEP_TIMES_H_

#include <algorithm>
#include <cstddef>
#include <vector>

namespace workload {

struct StepTimes {
  double p50_ms = 0, p99_ms = 0, max_ms = 0;  // all 0: no step was measured
};

// Maximum number of recorded steps (32 MiB); later ones are ignored.
inline constexpr std::size_t kMostStepTimes = 4U << 20U;

inline StepTimes summary(std::vector<double> step_ms) {
  if (step_ms.empty()) {
    return {};
  }
  std::sort(step_ms.begin(), step_ms.end());
  const auto at = [&](double share) {
    return step_ms[static_cast<std::size_t>(share * static_cast<double>(step_ms.size() - 1))];
  };
  return {at(0.5), at(0.99), step_ms.back()};
}

}  // namespace workload

#endif  // MIGCTL_WORKLOAD_STEP_TIMES_H_
