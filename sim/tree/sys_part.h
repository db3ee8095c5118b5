// SPDX-License-Identifier: Apache-2.0
// The machine's /sys: its PCI devices as the kernel shows them (folders below /sys/devices, links
// to them below /sys/bus/pci), and the driver's modules.
#ifndef MIGCTL_SIM_TREE_SYS_PART_H_
#define MIGCTL_SIM_TREE_SYS_PART_H_

#include <string>
#include <vector>

#include "sim/tree/static_part.h"
#include "sim/tree/steps.h"

namespace migsim {

// CPU mask of a CPU list, as the kernel prints masks: "0-3,8" gives "10f", in words of 32 bits
// separated by commas. "" for a malformed list.
std::string cpu_mask(const std::string& list);

void sys_files(Steps& steps,
               const Dir& tree,
               const std::vector<TreeGpu>& gpus,
               const std::string& driver);

}  // namespace migsim

#endif  // MIGCTL_SIM_TREE_SYS_PART_H_
