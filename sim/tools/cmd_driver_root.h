// SPDX-License-Identifier: Apache-2.0
// `sim driver-root`: the files of a machine's driver in a folder, as tools want it that search a
// driver's root (NVIDIA's DRA driver, device plugin and container toolkit: /run/nvidia/driver where
// the driver is itself a container).
#ifndef MIGCTL_SIM_TOOLS_CMD_DRIVER_ROOT_H_
#define MIGCTL_SIM_TOOLS_CMD_DRIVER_ROOT_H_

#include <string>

#include "sim/tools/problem.h"
#include "sim/tools/shell_mounts.h"
#include "sim/tools/sim_cli.h"

namespace migsim {

// Writes the folder, or brings one up to date that this command made before; any other folder that
// is not empty is refused. With character devices it has the machine's nodes of this moment in
// dev/; without them it has no dev/, and such tools look in /dev.
Problem cmd_driver_root(const std::string& name,
                        const std::string& folder,
                        Nodes nodes,
                        const SimPaths& paths,
                        bool json);

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_CMD_DRIVER_ROOT_H_
