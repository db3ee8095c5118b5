// SPDX-License-Identifier: Apache-2.0
// An Assignment as steps in an order in which each is legal when it is executed. Make before break:
// an instance is created before another is destroyed wherever slots and counts allow, so that a
// refusal by the driver finds as much as possible still there.
#ifndef MIGCTL_PLANNER_STEPS_H_
#define MIGCTL_PLANNER_STEPS_H_

#include <vector>

#include "mig/plan.h"

#include "planner/planner.h"
#include "planner/search.h"

namespace mig::planner {

std::vector<Step> layout_steps(const Board& board, const Assignment& assignment);

// Step that destroys an existing instance; its undo() recreates the instance at its placement.
Step destroy_step(const Gpu& gpu, const GpuInstance& instance);
Step destroy_step(const Gpu& gpu, const GpuInstance& instance, const ComputeInstance& compute);

// Steps that destroy the instance with its compute instances.
std::vector<Step> destroy_steps(const Gpu& gpu, const GpuInstance& instance);

Step mode_step(const Gpu& gpu, StepKind kind);

}  // namespace mig::planner

#endif  // MIGCTL_PLANNER_STEPS_H_
