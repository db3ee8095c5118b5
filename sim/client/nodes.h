// SPDX-License-Identifier: Apache-2.0
// Access check before a process may use a GPU or an instance: the process must be able to open the
// device nodes, as with the real driver. Containers and `migctl run` confine a process to its
// instance by this rule.
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

// The same at once and without a reason, for the devices that a process enumerates.
bool can_open(const Machine& machine, const Instance& at, std::uint32_t minor);

}  // namespace migsim

#endif  // MIGCTL_SIM_CLIENT_NODES_H_
