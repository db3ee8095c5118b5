// SPDX-License-Identifier: Apache-2.0
// The machine's device nodes as character devices, for `sim shell` and `sim driver-root` with
// --char-devices.
#ifndef MIGCTL_SIM_TOOLS_SHELL_NODES_H_
#define MIGCTL_SIM_TOOLS_SHELL_NODES_H_

#include <string>

#include "sim/tools/mounter.h"

namespace migsim {

// Makes a node in the folder `to` (of the shell: /dev, a tmpfs) for each file of the tree's /dev.
void make_device_nodes(Mounter& mounter, const std::string& tree, const std::string& to);

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_SHELL_NODES_H_
