// SPDX-License-Identifier: Apache-2.0
// What the driver asks of a process before it lets it use a GPU or an instance: that it can open
// the device nodes. This is how containers and `migctl run` shut a process in with its own.
#ifndef MIGCTL_SIM_CLIENT_NODES_H_
#define MIGCTL_SIM_CLIENT_NODES_H_

#include <string>

#include "sim/machine/machine.h"
#include "sim/machine/process.h"

namespace migsim {

// "" when the calling process can open all device nodes of `at`, else the reason. `minor`: of the
// GPU. In `sim shell` the nodes are in /dev, elsewhere in the machine's tree. A machine without a
// tree grants access to all. Waits briefly for the nodes of an instance that was just created.
std::string refused_node(const Machine& machine, const Instance& at, std::uint32_t minor);

}  // namespace migsim

#endif  // MIGCTL_SIM_CLIENT_NODES_H_
