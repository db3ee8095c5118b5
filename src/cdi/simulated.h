// SPDX-License-Identifier: Apache-2.0
// Inside of cdi/: what a container needs beside device nodes where the machine is simulated: the
// machine's state and driver files at the paths that they have on the host, the simulator's
// libraries, and of the nodes in the machine's tree the container's own only. The simulator lets a
// process onto an instance whose nodes it can open there.
#ifndef MIGCTL_CDI_SIMULATED_H_
#define MIGCTL_CDI_SIMULATED_H_

#include <string>

#include "cdi/driver_files.h"
#include "cdi/spec.h"

namespace mig::cdi {

// `nvml`: the simulator's libnvidia-ml.so.1.
void add_simulated_machine(const Roots& roots, const std::string& nvml, Edits& edits);
// The tree's files for the device's nodes, and which instance programs take.
void add_simulated_device(const Roots& roots, Device& device);
// The same for the nodes that all devices share.
void add_simulated_nodes(const Roots& roots, Edits& edits);

}  // namespace mig::cdi

#endif  // MIGCTL_CDI_SIMULATED_H_
