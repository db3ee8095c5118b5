// SPDX-License-Identifier: Apache-2.0
// The best assignment of the wanted instances on one GPU, by exhaustive search over placements.
// Lexicographic cost: busy instances destroyed (none, when they are pinned), GPU instances
// destroyed, compute instances destroyed, instances destroyed before their successors are created,
// room left for others (Board::room, more is better), then the lowest starts.
#ifndef MIGCTL_PLANNER_SEARCH_H_
#define MIGCTL_PLANNER_SEARCH_H_

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

#include "mig/layout.h"

#include "planner/board.h"
#include "planner/compute.h"

namespace mig::planner {

struct Existing {
  const GpuInstance* instance = nullptr;
  std::optional<std::size_t> profile;  // nullopt = the driver reports no such profile
  bool busy = false;
};

std::vector<Existing> existing_on(const Board& board);

// Equal desired instances are one want with a `count`.
struct Want {
  std::size_t profile = 0;
  std::vector<WantedCompute> compute;  // descending by size, or in the given order with placements
  std::optional<Placement> fixed;
  std::uint32_t count = 0;
};

// A seat: one wanted instance at its placement, on an existing GPU instance or to be created.
struct Seat {
  std::size_t profile = 0;
  Placement placement;
  const GpuInstance* kept = nullptr;  // nullptr = create
  ComputeChange compute;
};

// Busy instances destroyed, instances destroyed, compute instances destroyed in kept ones.
using Disturbance = std::array<std::size_t, 3>;

struct Assignment {
  std::vector<Seat> seats;               // in the order of the wants
  std::vector<const GpuInstance*> gone;  // existing instances that no seat keeps
  Disturbance cost{};
};

struct SearchInput {
  const Board& board;
  const std::vector<Want>& wants;
  const std::vector<Existing>& existing;
  bool pin_busy = true;
  // Board profiles of which one more instance each must fit beside the wants; equal ones adjacent.
  std::vector<std::size_t> spare = {};
};

// Cheapest assignment of wants to seats; nullopt = impossible, proved by exhaustive search.
std::optional<Assignment> best_assignment(const SearchInput& input);

}  // namespace mig::planner

#endif  // MIGCTL_PLANNER_SEARCH_H_
