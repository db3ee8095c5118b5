// SPDX-License-Identifier: Apache-2.0
#include "sim/exports/processes_here.h"

#include "sim/machine/presence.h"

namespace migsim::exports {

std::vector<ProcessState> processes_here(const State& state,
                                         const std::string& machine_dir,
                                         std::uint32_t gpu) {
  std::vector<ProcessState> found;
  if (state.process_top == 0) {
    return found;
  }
  const Presence presence(machine_dir);
  for (std::uint32_t i = 0; i < state.process_top; ++i) {
    const ProcessState& process = state.processes[i];
    if (process.used == 0 || (gpu != kNone && process.gpu != gpu)) {
      continue;
    }
    if (const auto pid = presence.pid_here(process)) {
      found.push_back(process);
      found.back().pid = *pid;
    }
  }
  return found;
}

}  // namespace migsim::exports
