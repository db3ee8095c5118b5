// SPDX-License-Identifier: Apache-2.0
// All amounts of the requested spare room that a machine can keep free, by exhaustive search, each
// with the least disturbing distribution.
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

// Amounts by profile of the spare room.
using Amounts = std::vector<std::uint32_t>;

// A GPU with MIG on after the change.
struct RoomyGpu {
  Board board;
  bool changes = false;  // the layout names this GPU; else its instances stay
  std::vector<Want> wants;
  std::vector<Existing> existing;
};

// A distribution of spare room over GPUs, with the least disturbance.
struct SpareWay {
  Disturbance cost{};
  std::vector<Amounts> by_gpu;
};

using SpareWays = std::map<Amounts, SpareWay>;

// Load of the existing instances.
Load load_of_existing(const Board& board);

// The spare room as Board profiles; nullopt = the board lacks one of the profiles.
std::optional<std::vector<std::size_t>> spare_on(const Board& board,
                                                 const std::vector<SpareRoom>& spare,
                                                 const Amounts& amounts);

// Profiles in `spare` must be distinct. The result always includes the amount zero, unless a layout
// is impossible by itself.
SpareWays spare_ways(const std::vector<RoomyGpu>& gpus,
                     const std::vector<SpareRoom>& spare,
                     bool keep_busy);

}  // namespace mig::planner

#endif  // MIGCTL_PLANNER_SPARE_WAYS_H_
