// SPDX-License-Identifier: Apache-2.0
// Where a GPU is in the machine, from sysfs. Threading: pure calls.
#ifndef MIGCTL_KUBERNETES_MAIN_PCI_PLACE_H_
#define MIGCTL_KUBERNETES_MAIN_PCI_PLACE_H_

#include <cstdint>
#include <optional>
#include <string>

namespace mig::kube {

// NUMA node of a PCI device ("00000000:00:06.0", as the driver writes it); nullopt = the machine
// does not tell. `sys`: "/sys".
std::optional<std::int64_t> numa_node(const std::string& sys, const std::string& pci_bus_id);
// Root of its PCIe tree, "pci0000:00"; "" = the machine does not tell. Network cards under the same
// root are near.
std::string pcie_root(const std::string& sys, const std::string& pci_bus_id);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_MAIN_PCI_PLACE_H_
