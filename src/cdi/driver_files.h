// SPDX-License-Identifier: Apache-2.0
// Device nodes of a machine, with their numbers, from the driver's files: /proc/devices,
// /proc/driver/nvidia/capabilities and, where that has no answer,
// /proc/driver/nvidia-caps/mig-minors. All by the *minor* of a GPU, which is not its index.
//
// Threading: functions of the file system.
#ifndef MIGCTL_CDI_DRIVER_FILES_H_
#define MIGCTL_CDI_DRIVER_FILES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mig/ids.h"
#include "mig/result.h"

#include "cdi/spec.h"

namespace mig::cdi {

struct Roots {
  std::string dev = "/dev";
  std::string proc = "/proc";
  std::string sys = "/sys";
  std::string simulated_dir;  // folder of a simulated machine; "" = a real one
};

// Path of the node in a container, "/dev/nvidia0", as a path on this host.
std::string host_path(const Roots& roots, const std::string& node);

class DriverFiles {
 public:
  explicit DriverFiles(Roots roots);

  const Roots& roots() const { return roots_; }

  // /dev/nvidia<minor>. kDriver: /proc/devices names no driver.
  Result<DeviceNode> gpu(std::uint32_t minor) const;
  // The nodes of a GPU instance and of a compute instance in it. kNotFound: the driver's files have
  // no such instance.
  Result<std::vector<DeviceNode>> instance(std::uint32_t gpu_minor,
                                           GpuInstanceId gi,
                                           ComputeInstanceId ci) const;
  // nvidiactl, nvidia-uvm, ...: those that exist.
  std::vector<DeviceNode> shared() const;
  // Direct rendering nodes of a GPU; empty where there are none.
  std::vector<DeviceNode> rendering(const std::string& pci_bus_id) const;
  // The right to change instances, and the right to monitor: nvidia-cap1 and nvidia-cap2.
  Result<std::vector<DeviceNode>> management() const;

  // Makes the node of a capability where it is missing; root only, and not on a simulated machine,
  // which makes its own. False: it is missing still.
  bool have(const DeviceNode& node) const;

 private:
  Result<DeviceNode> capability(const std::string& folder, const std::string& entry) const;
  std::optional<std::uint32_t> in_table(const std::string& entry) const;

  Roots roots_;
  std::map<std::string, std::uint32_t> majors_;                        // /proc/devices
  mutable std::optional<std::map<std::string, std::uint32_t>> table_;  // mig-minors, read on demand
};

}  // namespace mig::cdi

#endif  // MIGCTL_CDI_DRIVER_FILES_H_
