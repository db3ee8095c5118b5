// SPDX-License-Identifier: Apache-2.0
#include "sim/machine/contention.h"

#include <algorithm>

namespace migsim {

namespace {

// A process cannot demand more than the whole of a resource.
double bounded(double share) {
  return std::clamp(share, 0.0, 1.0);
}

double share_of_link(double bytes_per_second, const Board& board) {
  static_assert(kUnknown < 0);
  if (board.pcie_mb_per_s <= 0) {
    return 0;
  }
  return bounded(bytes_per_second / (static_cast<double>(board.pcie_mb_per_s) * 1e6));
}

}  // namespace

Contention contention_of(const Hardware& hardware, const State& state, std::uint32_t slot) {
  const ProcessState& self = state.processes[slot];
  const Board& board = hardware.boards[state.gpus[self.gpu].board];
  Contention factor;
  for (std::uint32_t i = 0; i < state.process_top; ++i) {
    const ProcessState& other = state.processes[i];
    if (i == slot || other.used == 0 || other.gpu != self.gpu) {
      continue;
    }
    factor.pcie_tx += share_of_link(other.wants.pcie_tx, board);
    factor.pcie_rx += share_of_link(other.wants.pcie_rx, board);
    if (other.gi != self.gi) {
      continue;
    }
    if (other.ci == self.ci) {
      factor.engine += bounded(other.wants.sm);  // memory is time-sliced with the engine
    } else {
      factor.dram += bounded(other.wants.dram);
    }
  }
  return factor;
}

}  // namespace migsim
