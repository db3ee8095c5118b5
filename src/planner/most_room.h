// SPDX-License-Identifier: Apache-2.0
// How much of a GPU instances could still take beside those that exist: the most compute slices,
// memory slices and multiprocessors of any layout that keeps them where they are. What is free
// beyond that is stranded. Exact: every layout is looked at. Pure.
#ifndef MIGCTL_PLANNER_MOST_ROOM_H_
#define MIGCTL_PLANNER_MOST_ROOM_H_

#include <cstdint>

#include "mig/inventory.h"

namespace mig::planner {

// Each for itself: the layout with the most slices need not be the one with the most memory.
struct MostRoom {
  std::uint32_t slices = 0, memory_slices = 0, sm = 0;
  // Of the larger one of an instance's shares, max(slices x memory slices of the GPU, memory slices
  // x slices of the GPU).
  std::uint64_t dominant = 0;
};

// Of a GPU with MIG on.
MostRoom most_room(const Gpu& gpu);

}  // namespace mig::planner

#endif  // MIGCTL_PLANNER_MOST_ROOM_H_
