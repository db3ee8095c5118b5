// SPDX-License-Identifier: Apache-2.0
// Inside of device/: the instances of one GPU, from the driver's lists and from MIG device handles.
#ifndef MIGCTL_DEVICE_INSTANCES_H_
#define MIGCTL_DEVICE_INSTANCES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "device/facts.h"
#include "device/operations.h"
#include "nvml/functions.h"

namespace mig::device {

// A MIG device: a compute instance as seen by programs.
struct MigDevice {
  nvmlDevice_t handle = nullptr;
  std::uint32_t index = 0;
  std::uint32_t gpu_instance = 0, compute_instance = 0;
  std::string uuid, name;
  std::optional<std::uint64_t> memory_total_mib, memory_used_mib;
  std::optional<nvmlDeviceAttributes_t> attributes;
};

// MIG devices by ascending index. Empty with MIG off.
Result<std::vector<MigDevice>> read_mig_devices(const nvml::Functions& nvml, nvmlDevice_t device);

struct InstanceList {
  std::vector<GpuInstance> instances;  // ascending id
  bool complete = true;
};

// Reads all instances. `profiles` gains the compute profiles of the instances found. When the
// driver refuses the lists (needs root), the list is derived from `devices` and `complete` is
// false. kConflict: the layout changed during the read (race); read again. `compute` caches compute
// profiles for the next call.
Result<InstanceList> read_instances(const nvml::Functions& nvml,
                                    nvmlDevice_t device,
                                    const std::vector<MigDevice>& devices,
                                    std::vector<GpuInstanceProfile>& profiles,
                                    ComputeProfiles& compute);

// Reads the instances that `scope` names, of the profiles in `profiles`; ignores MIG devices.
Result<InstanceList> read_scoped(const nvml::Functions& nvml,
                                 nvmlDevice_t device,
                                 const LayoutScope& scope,
                                 const std::vector<GpuInstanceProfile>& profiles,
                                 ComputeProfiles& compute);

}  // namespace mig::device

#endif  // MIGCTL_DEVICE_INSTANCES_H_
