// SPDX-License-Identifier: Apache-2.0
// Board files: the description of one GPU model for the simulator (schema: sim/gpus/README.md). The
// files of this folder are built into the library, so `migctl sim create` needs no data beside the
// binary. Threading: pure functions.
#ifndef MIGCTL_SIM_GPUS_BOARD_H_
#define MIGCTL_SIM_GPUS_BOARD_H_

#include <string>
#include <string_view>
#include <vector>

#include "sim/machine/state.h"

namespace migsim {

// Strict parser: an unknown or duplicate key, a wrong type, a number out of range, a figure without
// provenance or a profile that does not fit the board is an error that names its path. `out` is
// assigned on success only.
bool load_board(std::string_view json_text, Board& out, std::string& error);

// JSON text of a built-in board by name ("h200-141gb"); empty when there is none.
std::string_view builtin_board(std::string_view key);

// Names of all built-in boards, oldest architecture first.
std::vector<std::string_view> builtin_board_keys();

}  // namespace migsim

#endif  // MIGCTL_SIM_GPUS_BOARD_H_
