// SPDX-License-Identifier: Apache-2.0
// The part of the tree that is constant from power-on: driver version, PCI devices, minor number
// tables, control devices.
#ifndef MIGCTL_SIM_TREE_STATIC_PART_H_
#define MIGCTL_SIM_TREE_STATIC_PART_H_

#include <cstdint>
#include <string>
#include <vector>

#include "sim/machine/state.h"
#include "sim/tree/dir.h"

namespace migsim {

inline constexpr std::uint32_t kGisPerGpu = 15;
inline constexpr std::uint32_t kCisPerGi = 8;

// Numbers of /proc/driver/nvidia-caps/mig-minors (H200, 580.159.04: the whole file follows from
// these two rules). `minor` is the GPU's minor number.
constexpr std::uint32_t gi_cap_minor(std::uint32_t minor, std::uint32_t gi) {
  return 3 + kGisPerGpu * (kCisPerGi + 1) * minor + (kCisPerGi + 1) * gi;
}

constexpr std::uint32_t ci_cap_minor(std::uint32_t minor, std::uint32_t gi, std::uint32_t ci) {
  return gi_cap_minor(minor, gi) + 1 + ci;
}

// Data of a GPU for the static part, copied from State so that no lock is held while writing.
struct TreeGpu {
  const Board* board = nullptr;
  std::uint32_t minor = 0, domain = 0, bus = 0, device = 0;
  std::string uuid;
  std::uint32_t pci_class = 0;
};

// PCI bus id: "0000:10:00.0".
std::string bus_id(const TreeGpu& gpu);

// Content of a capability's access file: "DeviceFileMinor: ...".
std::string capability_text(std::uint32_t cap_minor, std::uint32_t mode);

// Writes all files of the static part; returns 0 or errno.
int write_static_part(const Dir& tree, const std::vector<TreeGpu>& gpus, const std::string& driver);

}  // namespace migsim

#endif  // MIGCTL_SIM_TREE_STATIC_PART_H_
