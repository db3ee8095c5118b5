// SPDX-License-Identifier: Apache-2.0
// Who has the machine's device nodes open, as the kernel's driver would know: it counts opens of
// /dev/nvidiaN. Read from /proc/<pid>/fd, so what is seen here is what `lsof` and `fuser` show.
#ifndef MIGCTL_SIM_TREE_OPEN_NODES_H_
#define MIGCTL_SIM_TREE_OPEN_NODES_H_

#include <cstdint>
#include <set>
#include <string>

#include "sim/machine/machine.h"

namespace migsim {

struct OpenNodes {
  std::uint32_t gpus = 0;                // bit per GPU whose /dev/nvidia<minor> is open
  std::set<std::uint32_t> capabilities;  // minors of open /dev/nvidia-caps/nvidia-cap<minor>

  bool gpu(std::uint32_t index) const { return (gpus >> index & 1U) != 0; }

  // The node of the GPU instance, or of any compute instance on it.
  bool gpu_instance(std::uint32_t gpu_minor, std::uint32_t gi) const;
  // The node of the compute instance, or of the GPU instance that it is on: whoever has that
  // reaches all on it.
  bool compute_instance(std::uint32_t gpu_minor, std::uint32_t gi, std::uint32_t ci) const;
};

// By all processes but the calling one, which is not in its own way. Never while a View or Change
// is held: it takes a View, and a millisecond or more. Processes of other users are seen by root
// only. `proc`: where processes are found by number.
OpenNodes open_nodes(Machine& machine, const std::string& proc);
OpenNodes open_nodes(Machine& machine);

// The kernel's own word that no process has the file open, the calling one included (a lease on it
// can be had for a moment): spares the search in /proc nearly always. False: somebody has it, or
// the kernel does not say (a bound node in `sim shell`).
bool surely_closed(const std::string& path);

// The nodes of one GPU instance and of all on it, as open_nodes() would say.
OpenNodes open_nodes_of(Machine& machine, std::uint32_t gpu, std::uint32_t gi);

}  // namespace migsim

#endif  // MIGCTL_SIM_TREE_OPEN_NODES_H_
