// SPDX-License-Identifier: Apache-2.0
// Inside of device/: the profiles of a GPU and its instances, as the driver reports them.
#ifndef MIGCTL_DEVICE_PROFILES_H_
#define MIGCTL_DEVICE_PROFILES_H_

#include <cstdint>
#include <vector>

#include "mig/profile.h"
#include "mig/result.h"

#include "device/facts.h"
#include "nvml/functions.h"

namespace mig::device {

// GPU instance profiles in nvidia-smi's order, with placements where the driver reports them, and
// derived compute profiles. Empty on a board without MIG.
Result<std::vector<GpuInstanceProfile>> read_profiles(const nvml::Functions& nvml,
                                                      nvmlDevice_t device,
                                                      std::uint64_t total_bytes);

// Reads the remaining capacity of each profile, where the driver reports it.
Result<void> read_remaining(const nvml::Functions& nvml,
                            nvmlDevice_t device,
                            std::vector<GpuInstanceProfile>& profiles);

// Compute profiles of an existing GPU instance, by index.
Result<std::vector<ComputeProfile>> read_compute_profiles(const nvml::Functions& nvml,
                                                          nvmlGpuInstance_t instance,
                                                          const ProfileName& name);

}  // namespace mig::device

#endif  // MIGCTL_DEVICE_PROFILES_H_
