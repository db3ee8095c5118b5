// SPDX-License-Identifier: Apache-2.0
// Inside of exports/: processes of a machine by their pids in the caller's pid namespace. What has
// no pid here (a host's process, seen from a container) is left out.
#ifndef MIGCTL_SIM_EXPORTS_PROCESSES_HERE_H_
#define MIGCTL_SIM_EXPORTS_PROCESSES_HERE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "sim/machine/state.h"

namespace migsim::exports {

// Of one GPU, or of all (kNone).
std::vector<ProcessState> processes_here(const State& state,
                                         const std::string& machine_dir,
                                         std::uint32_t gpu);

}  // namespace migsim::exports

#endif  // MIGCTL_SIM_EXPORTS_PROCESSES_HERE_H_
