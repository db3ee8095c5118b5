// SPDX-License-Identifier: Apache-2.0
// What compute instances are called. The GPU instance gives size and attributes, the compute
// profile gives only its slices: a driver calls the compute instance of a 1g.10gb+me plain
// "MIG 1g.10gb", and two profiles of an H100's 2g.20gb alike "MIG 1c.2g.20gb", so its text names
// nothing here. Every name made here belongs to one profile id of its GPU instance, and back.
#ifndef MIGCTL_MODEL_COMPUTE_NAMES_H_
#define MIGCTL_MODEL_COMPUTE_NAMES_H_

#include <optional>
#include <vector>

#include "mig/profile.h"

namespace mig {

// Names all compute profiles of one GPU-instance profile, from its name, their slices and their
// ids. Of those with equal slices one is the plain one and goes without "@": among those that fill
// the GPU instance the one with the most SMs, which is what nvidia-smi's -C takes (H100, `-cgi 15
// -C`: profile 7), among parts the lowest NVML number, of which the most fit. The others are told
// apart by their SMs, by their profile id where those are equal or unknown.
void name_compute_profiles(const ProfileName& gpu_instance,
                           std::vector<ComputeInstanceProfile>& profiles);

// The profile that a user's word means inside this GPU instance: plain words the plain one, "@26sm"
// the one with so many SMs (the plain one's too), "@ci7" the one with that id. nullptr = there is
// none.
const ComputeInstanceProfile* find_compute_profile(const GpuInstanceProfile& profile,
                                                   const ProfileName& name);

// Whether `wanted` as a user wrote it means the compute instance called `name` that has `sm` SMs
// and NVML's profile number `nvml_profile`.
bool means(const ProfileName& wanted,
           const ProfileName& name,
           std::optional<std::uint32_t> sm,
           std::uint32_t nvml_profile);

}  // namespace mig

#endif  // MIGCTL_MODEL_COMPUTE_NAMES_H_
