// SPDX-License-Identifier: Apache-2.0
// Estimated duration of a plan: from recorded durations of its kinds of steps on this machine, else
// from published measurements of such boards. Pure.
#ifndef MIGCTL_PLANNER_TIMES_H_
#define MIGCTL_PLANNER_TIMES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/plan.h"

namespace mig::planner {

// Recorded duration of one step in full: reading, recording, calling, reading back.
struct StepTime {
  StepKind kind = StepKind::kCreateGpuInstance;
  std::string board;   // GPU name
  std::string driver;  // driver version
  std::uint32_t ms = 0;
};

// Sets estimated_ms of each step and of the plan. The estimate is the median of the newest times in
// `history` (newest first): of this board under this driver; else of this board; else the published
// measurements of its architecture.
void set_expected_times(const Inventory& inventory,
                        const std::vector<StepTime>& history,
                        Plan& plan);

}  // namespace mig::planner

#endif  // MIGCTL_PLANNER_TIMES_H_
