// SPDX-License-Identifier: Apache-2.0
// Profile names: the driver's own where it reports one (profile info v2 and v3), else derived from
// slices and memory by the common rule (as in go-nvlib), so that layout files mean the same on old
// drivers. Pure functions.
#ifndef MIGCTL_MODEL_PROFILE_NAMES_H_
#define MIGCTL_MODEL_PROFILE_NAMES_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "mig/profile.h"

namespace mig {

// Attribute part that an NVML_GPU_INSTANCE_PROFILE_* index stands for: "", "+me", "+gfx", ...
std::string_view attributes_of(std::uint32_t nvml_profile);

// Name of a profile; `told` is the driver's text ("MIG 1g.18gb+me"; "" = none), `total_bytes` the
// GPU's memory.
ProfileName gpu_instance_name(std::string_view told,
                              std::uint32_t nvml_profile,
                              std::uint32_t slices,
                              std::uint64_t memory_mib,
                              std::uint64_t total_bytes);

// nvidia-smi's order of rows: slices ascending; then base, +me, double memory, +gfx, +me.all, -me.
bool before_in_listing(const GpuInstanceProfile& a, const GpuInstanceProfile& b);

// Compute profiles of a GPU instance profile, derived from all profiles of its GPU: used until an
// instance exists that the driver can be queried about.
std::vector<ComputeInstanceProfile> derive_compute_profiles(
    const GpuInstanceProfile& profile, const std::vector<GpuInstanceProfile>& all);

}  // namespace mig

#endif  // MIGCTL_MODEL_PROFILE_NAMES_H_
