// SPDX-License-Identifier: Apache-2.0
// Names of compute instances. Size and attributes come from the GPU instance, the compute profile
// contributes only its slices: a driver calls the compute instance of a 1g.10gb+me plain "MIG
// 1g.10gb", and two profiles of an H100's 2g.20gb alike "MIG 1c.2g.20gb", so the driver's text is
// ambiguous. Names made here map one-to-one to profile ids of the GPU instance.
#ifndef MIGCTL_MODEL_COMPUTE_NAMES_H_
#define MIGCTL_MODEL_COMPUTE_NAMES_H_

#include <optional>
#include <vector>

#include "mig/profile.h"

namespace mig {

// Names all compute profiles of one GPU instance profile, from its name, their slices and their
// ids. Of those with equal slices one is plain (without "@"): among those that fill the GPU
// instance the one with the most SMs, as nvidia-smi's -C takes (H100, `-cgi 15 -C`: profile 7),
// among smaller ones the lowest NVML number, of which the most fit. The others are distinguished by
// their SMs, or by profile id where those are equal or unknown.
void name_compute_profiles(const ProfileName& gpu_instance,
                           std::vector<ComputeInstanceProfile>& profiles);

// The compute profile that a name means inside this GPU instance: a plain name the plain one,
// "@26sm" the one with so many SMs (possibly the plain one), "@ci7" the one with that id. nullptr =
// none.
const ComputeInstanceProfile* find_compute_profile(const GpuInstanceProfile& profile,
                                                   const ProfileName& name);

// True when `wanted`, as written by a user, means the compute instance called `name` with `sm` SMs
// and NVML's profile number `nvml_profile`.
bool means(const ProfileName& wanted,
           const ProfileName& name,
           std::optional<std::uint32_t> sm,
           std::uint32_t nvml_profile);

}  // namespace mig

#endif  // MIGCTL_MODEL_COMPUTE_NAMES_H_
