// SPDX-License-Identifier: Apache-2.0
// Inside of node/: from a DriverChoice to a session, by the rule that node.h tells.
#ifndef MIGCTL_NODE_DRIVER_H_
#define MIGCTL_NODE_DRIVER_H_

#include <memory>
#include <string>
#include <vector>

#include "mig/result.h"

#include "node/node.h"
#include "nvml/session.h"

namespace mig::node {

// Sets $MIGSIM_MACHINE for the simulator's library and for the processes that we start.
Result<std::unique_ptr<nvml::Session>> open_driver(const DriverChoice& choice);

// Folder of simulated machines: $MIGSIM_ROOT, inside `sim shell` that of its machine,
// /var/lib/migctl/sim for root, else below $XDG_STATE_HOME (~/.local/state).
std::string machines_root();

// Names of the folders below `root` that hold a machine.state, sorted; none that begins with a dot.
std::vector<std::string> machine_names(const std::string& root);

}  // namespace mig::node

#endif  // MIGCTL_NODE_DRIVER_H_
