// SPDX-License-Identifier: Apache-2.0
#ifndef MIGCTL_SIM_EXPORTS_LIMITS_H_
#define MIGCTL_SIM_EXPORTS_LIMITS_H_

#include <optional>

#include "sim/machine/state.h"

namespace migsim::exports {

// Boards from Hopper on report temperatures as the distance to a limit ("T.Limit"). H200: 49 C left
// at 38 C, slowdown at -2 C, shutdown at -8 C; so the limit lies 2 C below slowdown.
inline std::optional<int> thermal_limit_c(const Board& board) {
  constexpr int kBelowSlowdown = 2;
  if (board.architecture == Architecture::kAmpere || board.temperature_slowdown_c == kUnknown) {
    return std::nullopt;
  }
  return static_cast<int>(board.temperature_slowdown_c) - kBelowSlowdown;
}

}  // namespace migsim::exports

#endif  // MIGCTL_SIM_EXPORTS_LIMITS_H_
