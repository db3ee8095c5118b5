// SPDX-License-Identifier: Apache-2.0
// The "mig" block of a board file. Included by .cc files only (heavy).
#ifndef MIGCTL_SIM_GPUS_MIG_PROFILES_H_
#define MIGCTL_SIM_GPUS_MIG_PROFILES_H_

#include <string>

#include "sim/gpus/strict_json.h"
#include "sim/machine/state.h"

namespace migsim {

// Reads the MIG members of `board` (sm_count and memory must be read already) and checks that every
// profile fits the board.
void read_mig(const nlohmann::json& value, Board& board, std::string& error);

}  // namespace migsim

#endif  // MIGCTL_SIM_GPUS_MIG_PROFILES_H_
