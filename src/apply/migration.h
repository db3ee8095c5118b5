// SPDX-License-Identifier: Apache-2.0
// Migration, for a layout that is impossible around the busy instances: which of them have to move,
// where a successor of the same shape fits beside them first, and the proof that the layout is
// possible after the move. Pure functions over an Inventory.
#ifndef MIGCTL_APPLY_MIGRATION_H_
#define MIGCTL_APPLY_MIGRATION_H_

#include <cstddef>
#include <vector>

#include "mig/inventory.h"
#include "mig/layout.h"
#include "mig/plan.h"
#include "mig/result.h"

namespace mig::apply {

// A busy instance and the placement of its successor of equal profile and compute instances.
struct Move {
  GpuIndex from_gpu;
  GpuInstance from;
  GpuIndex to_gpu;
  Placement to;
};

// Search budget, a few seconds.
inline constexpr std::size_t kMostLooks = 1'000'000;

struct Migration {
  std::vector<Move> moves;
  DesiredLayout beside;  // layout of the first change: existing instances and the successors
};

// The smallest set of moves: exhaustive over sets of busy instances, smallest first, and over all
// placements of the successors. `blocked`: the plan for `desired` that disturbs the fewest busy
// instances. kNoCapacity when there is no solution, or none was found within `most_looks` (the
// message says which); kInUse when a blocker is not the destroy of an instance (a mode change, a
// reset).
Result<Migration> plan_migration(const Inventory& now,
                                 const DesiredLayout& desired,
                                 const Plan& blocked,
                                 std::size_t most_looks = kMostLooks);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_MIGRATION_H_
