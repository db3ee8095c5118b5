// SPDX-License-Identifier: Apache-2.0
#ifndef MIGCTL_SIM_EXPORTS_PROFILES_H_
#define MIGCTL_SIM_EXPORTS_PROFILES_H_

#include "abi/nvml.h"
#include "sim/machine/state.h"

namespace migsim::exports {

// False for a board without MIG and for a workstation board outside of compute mode: MIG calls are
// NOT_SUPPORTED there.
inline bool can_mig(const Board& board, const GpuState& gpu) {
  return board.gi_profile_count != 0 && gpu.graphics_mode == 0;
}

// Code for a profile id that the board does not have: NOT_SUPPORTED if another board has it,
// INVALID_ARGUMENT if none.
nvmlReturn_t why_not_on_board(unsigned profile_id);

}  // namespace migsim::exports

#endif  // MIGCTL_SIM_EXPORTS_PROFILES_H_
