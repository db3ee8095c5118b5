// SPDX-License-Identifier: Apache-2.0
// An Assignment as steps in an order in which each is legal when its turn comes: an instance is
// created before another is destroyed wherever slots and counts allow it, so that a refusal of the
// driver finds as much as possible still there.
#ifndef MIGCTL_PLANNER_STEPS_H_
#define MIGCTL_PLANNER_STEPS_H_

#include <vector>

#include "mig/plan.h"

#include "planner/planner.h"
#include "planner/search.h"

namespace mig::planner {

std::vector<Step> layout_steps(const Board& board, const Assignment& assignment);

// One instance that is there goes; its undo() makes it again at its place.
Step destroy_step(const Gpu& gpu, const GpuInstance& instance);
Step destroy_step(const Gpu& gpu, const GpuInstance& instance, const ComputeInstance& compute);

// The instance with all that is in it.
std::vector<Step> destroy_steps(const Gpu& gpu, const GpuInstance& instance);

Step mode_step(const Gpu& gpu, StepKind kind);

}  // namespace mig::planner

#endif  // MIGCTL_PLANNER_STEPS_H_
