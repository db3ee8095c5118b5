// SPDX-License-Identifier: Apache-2.0
// When a layout is impossible around what runs: which busy instances have to move, where a new one
// of the same shape fits beside them first, and that the layout is possible once they have moved.
// Pure functions over an Inventory.
#ifndef MIGCTL_APPLY_MIGRATION_H_
#define MIGCTL_APPLY_MIGRATION_H_

#include <cstddef>
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

// The bound of the search: a few seconds.
inline constexpr std::size_t kMostLooks = 1'000'000;

struct Migration {
  std::vector<Move> moves;
  DesiredLayout beside;  // what is there and the successors: the layout of the first change
};

// The fewest that can move: every set of busy instances is looked at, the smallest first, with
// every place for each. `blocked`: the plan for `desired` that disturbs the fewest busy instances.
// kNoCapacity when there is no way, or none was found within `most_looks` (the message
// says which); kInUse when something else than a destroy of an instance is in the way (a mode
// change, a reset).
Result<Migration> plan_migration(const Inventory& now,
                                 const DesiredLayout& desired,
                                 const Plan& blocked,
                                 std::size_t most_looks = kMostLooks);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_MIGRATION_H_
