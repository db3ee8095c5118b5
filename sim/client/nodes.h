// SPDX-License-Identifier: Apache-2.0
// What the driver asks of a process before it lets it use a GPU or an instance: that it can open
// the device nodes. This is how containers and `migctl run` shut a process in with its own.
#ifndef MIGCTL_SIM_CLIENT_NODES_H_
#define MIGCTL_SIM_CLIENT_NODES_H_

#include <string>

#include "sim/machine/machine.h"
#include "sim/machine/process.h"

namespace migsim {

// "" when the calling process can open all nodes of `at`, else why not. `minor`: of the GPU. In
// `sim shell` /dev holds the machine's nodes; elsewhere they are looked for in the machine's tree.
// A machine without a tree lets everybody in. A node of an instance that has just been made may
// come a moment later and is waited for.
std::string refused_node(const Machine& machine, const Instance& at, std::uint32_t minor);

}  // namespace migsim

#endif  // MIGCTL_SIM_CLIENT_NODES_H_
