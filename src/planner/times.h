// SPDX-License-Identifier: Apache-2.0
// How long a plan will take: what its kinds of steps took on this machine before, else what was
// measured on boards of that kind. Pure.
#ifndef MIGCTL_PLANNER_TIMES_H_
#define MIGCTL_PLANNER_TIMES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/plan.h"

namespace mig::planner {

// One step as it went once, with all that belongs to it: looking, recording, reading back.
struct StepTime {
  StepKind kind = StepKind::kCreateGpuInstance;
  std::string board;   // GPU's name
  std::string driver;  // version
  std::uint32_t ms = 0;
};

// Sets estimated_ms of each step and of the plan. Of `history`, newest first, the median of the
// last times counts: of this board under this driver; else of this board; else, without any, the
// published measurements of its architecture.
void set_expected_times(const Inventory& inventory,
                        const std::vector<StepTime>& history,
                        Plan& plan);

}  // namespace mig::planner

#endif  // MIGCTL_PLANNER_TIMES_H_
