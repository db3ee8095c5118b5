// SPDX-License-Identifier: Apache-2.0
// Processes on a GPU and its instances, for the readers of inventories here and for observe/.
#ifndef MIGCTL_DEVICE_PROCESSES_H_
#define MIGCTL_DEVICE_PROCESSES_H_

#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "device/instances.h"
#include "nvml/functions.h"

namespace mig::device {

// False: an old driver, whose processes are read per MIG device.
bool tells_instances(const nvml::Functions& nvml);

// Compute, graphics and MPS clients, deduplicated by pid. The list's ids give the instance; drivers
// without ids are queried per MIG device. Names come from <proc_root>/<pid>. A list that cannot be
// read is an error (kPermission for unprivileged users), never an empty list.
Result<std::vector<Process>> read_processes(const nvml::Functions& nvml,
                                            nvmlDevice_t device,
                                            const std::vector<MigDevice>& devices,
                                            const std::string& proc_root);

// First line of <proc_root>/<pid>/comm; "" when not readable.
std::string process_name(const std::string& proc_root, std::uint32_t pid);

}  // namespace mig::device

#endif  // MIGCTL_DEVICE_PROCESSES_H_
