// SPDX-License-Identifier: Apache-2.0
// When a layout is impossible around what runs: which busy instances have to move, where a new one
// of the same shape fits beside them first, and that the layout is possible once they have moved.
// Pure functions over an Inventory.
#ifndef MIGCTL_APPLY_MIGRATION_H_
#define MIGCTL_APPLY_MIGRATION_H_

#include <vector>

#include "mig/inventory.h"
#include "mig/layout.h"
#include "mig/plan.h"
#include "mig/result.h"

namespace mig::apply {

// One busy instance and the place of its successor, of the same profile and compute instances.
struct Move {
  GpuIndex from_gpu;
  GpuInstance from;
  GpuIndex to_gpu;
  Placement to;
};

struct Migration {
  std::vector<Move> moves;
  DesiredLayout beside;  // what is there and the successors: the layout of the first change
};

// `blocked`: the plan for `desired` that disturbs the fewest busy instances. kNoCapacity when there
// is no room beside what runs, or the layout has no instance of that shape to move to; kInUse when
// something else than a destroy of an instance is in the way (a mode change, a reset).
Result<Migration> plan_migration(const Inventory& now,
                                 const DesiredLayout& desired,
                                 const Plan& blocked);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_MIGRATION_H_
