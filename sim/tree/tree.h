// SPDX-License-Identifier: Apache-2.0
// The machine's /proc, /sys and /dev as plain files under <machine>/tree: the files of the NVIDIA
// kernel modules, kept in step with the GPU instances. `sim shell` binds it over the real ones.
// Beside them usr/lib/x86_64-linux-gnu, where programs look for the driver's version.
//
// Device nodes are plain files: a device node with a real driver's numbers would reach the host's
// GPU. `sim shell --char-devices` makes nodes, on a nodev mount where they cannot be opened.
#ifndef MIGCTL_SIM_TREE_TREE_H_
#define MIGCTL_SIM_TREE_TREE_H_

#include "sim/machine/machine.h"

namespace migsim {

// Brings <machine>/tree in step with the machine's state. Call after every committed change of
// instances, and never while holding a View or Change (takes a View itself). Cheap when nothing
// changed. Safe for concurrent processes and threads; the next call repairs what a killed one left.
// Follows no symbolic link and touches nothing outside the machine's folder.
Status sync_tree(Machine& machine);

}  // namespace migsim

#endif  // MIGCTL_SIM_TREE_TREE_H_
