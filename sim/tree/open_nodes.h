// SPDX-License-Identifier: Apache-2.0
// Which processes have the machine's device nodes open; the kernel driver counts opens of
// /dev/nvidiaN. Read from /proc/<pid>/fd, as `lsof` and `fuser` do.
#ifndef MIGCTL_SIM_TREE_OPEN_NODES_H_
#define MIGCTL_SIM_TREE_OPEN_NODES_H_

#include <cstdint>
#include <set>
#include <string>

#include "sim/machine/machine.h"

namespace migsim {

struct OpenNodes {
  std::uint32_t gpus = 0;                // bit set for each GPU whose /dev/nvidia<minor> is open
  std::set<std::uint32_t> capabilities;  // minors of the open /dev/nvidia-caps/nvidia-cap<minor>

  bool gpu(std::uint32_t index) const { return (gpus >> index & 1U) != 0; }

  // True when the node of the GPU instance, or of any compute instance in it, is open.
  bool gpu_instance(std::uint32_t gpu_minor, std::uint32_t gi) const;
  // True when the node of the compute instance, or of its GPU instance (which gives access to all
  // compute instances in it), is open.
  bool compute_instance(std::uint32_t gpu_minor, std::uint32_t gi, std::uint32_t ci) const;
};

// Nodes open in any process but the calling one. Must not be called while a View or Change is held:
// takes a View, and 1 ms or more. Processes of other users are visible to root only. `proc`: folder
// of the per-pid folders.
OpenNodes open_nodes(Machine& machine, const std::string& proc);
OpenNodes open_nodes(Machine& machine);

// True when the kernel confirms that no process has the file open, the calling one included (a
// write lease on it, F_SETLEASE, was granted for a moment): spares the search of /proc nearly
// always. False: a process has the file open, or the kernel cannot tell (a bind mount in `sim
// shell`).
bool surely_closed(const std::string& path);

// Open nodes of one GPU instance and its compute instances, as open_nodes() reports them.
OpenNodes open_nodes_of(Machine& machine, std::uint32_t gpu, std::uint32_t gi);

}  // namespace migsim

#endif  // MIGCTL_SIM_TREE_OPEN_NODES_H_
