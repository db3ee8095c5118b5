// SPDX-License-Identifier: Apache-2.0
// `sim shell`: runs a program for which the simulated machine stands in for the hardware.
#ifndef MIGCTL_SIM_TOOLS_CMD_SHELL_H_
#define MIGCTL_SIM_TOOLS_CMD_SHELL_H_

#include <string>
#include <vector>

#include "sim/tools/problem.h"
#include "sim/tools/shell_mounts.h"
#include "sim/tools/sim_cli.h"

namespace migsim {

// Replaces the process by `command`, or by $SHELL when empty; returns on failure only. `as_user`:
// the machine's owner has no more rights inside than other users; sudo restores them.
Problem cmd_shell(const std::string& name,
                  const std::vector<std::string>& command,
                  Nodes nodes,
                  bool as_user,
                  const SimPaths& paths);

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_CMD_SHELL_H_
