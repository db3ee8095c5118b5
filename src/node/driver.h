// SPDX-License-Identifier: Apache-2.0
// Inside of node/: opens a session for a DriverChoice, by the rule in node.h.
#ifndef MIGCTL_NODE_DRIVER_H_
#define MIGCTL_NODE_DRIVER_H_

#include <memory>
#include <string>
#include <vector>

#include "mig/result.h"

#include "node/node.h"
#include "nvml/session.h"

namespace mig::node {

// Sets $MIGSIM_MACHINE for the simulator's library and for child processes.
Result<std::unique_ptr<nvml::Session>> open_driver(const DriverChoice& choice);

// Root folder of simulated machines: $MIGSIM_ROOT, else the parent of the surrounding `sim shell`'s
// machine, else /var/lib/migctl/sim for root, else below $XDG_STATE_HOME (~/.local/state).
std::string machines_root();

// Names of the folders below `root` that contain a machine.state, sorted; none that begins with a
// dot.
std::vector<std::string> machine_names(const std::string& root);

}  // namespace mig::node

#endif  // MIGCTL_NODE_DRIVER_H_
