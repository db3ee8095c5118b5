// SPDX-License-Identifier: Apache-2.0
// Everything that a machine can keep free of the spare room asked for, by exhaustive search, each
// with the way that disturbs least.
#ifndef MIGCTL_PLANNER_SPARE_WAYS_H_
#define MIGCTL_PLANNER_SPARE_WAYS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "mig/layout.h"

#include "planner/board.h"
#include "planner/search.h"

namespace mig::planner {

// How many of each profile of the spare room.
using Amounts = std::vector<std::uint32_t>;

// One GPU that has MIG on after the change.
struct RoomyGpu {
  Board board;
  bool changes = false;  // the layout names it; else what is there stays
  std::vector<Want> wants;
  std::vector<Existing> existing;
};

// Room that some of the GPUs keep, at the least disturbance.
struct SpareWay {
  Disturbance cost{};
  std::vector<Amounts> by_gpu;
};

using SpareWays = std::map<Amounts, SpareWay>;

// What is on the GPU now.
Load load_of_existing(const Board& board);

// As Board profiles; nullopt = the board lacks a profile of which some is asked.
std::optional<std::vector<std::size_t>> spare_on(const Board& board,
                                                 const std::vector<SpareRoom>& spare,
                                                 const Amounts& amounts);

// No profile of `spare` may be named twice. Nothing at all is always one of the ways, unless a
// layout is impossible by itself.
SpareWays spare_ways(const std::vector<RoomyGpu>& gpus,
                     const std::vector<SpareRoom>& spare,
                     bool keep_busy);

}  // namespace mig::planner

#endif  // MIGCTL_PLANNER_SPARE_WAYS_H_
