// SPDX-License-Identifier: Apache-2.0
// Inside of node/: opens a session for a DriverChoice, by the rule in node.h.
#ifndef MIGCTL_NODE_DRIVER_H_
#define MIGCTL_NODE_DRIVER_H_

#include <memory>

#include "mig/result.h"

#include "node/node.h"
#include "nvml/session.h"

namespace mig::node {

// Sets $MIGSIM_MACHINE for the simulator's library and for child processes.
Result<std::unique_ptr<nvml::Session>> open_driver(const DriverChoice& choice);

}  // namespace mig::node

#endif  // MIGCTL_NODE_DRIVER_H_
