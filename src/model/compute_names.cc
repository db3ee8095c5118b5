// SPDX-License-Identifier: Apache-2.0
#include "model/compute_names.h"

#include <algorithm>
#include <tuple>

namespace mig {
namespace {

using Profiles = std::vector<ComputeInstanceProfile>;

const ComputeInstanceProfile& plain_of(const Profiles& profiles, std::uint32_t slices, bool fills) {
  const ComputeInstanceProfile* plain = nullptr;
  const auto rank = [&](const ComputeInstanceProfile& one) {
    return std::tuple(fills ? -static_cast<std::int64_t>(one.sm.value_or(0)) : 0, one.nvml_profile);
  };
  for (const ComputeInstanceProfile& one : profiles) {
    if (one.slices == slices && (plain == nullptr || rank(one) < rank(*plain))) {
      plain = &one;
    }
  }
  return *plain;
}

bool sm_tells(const Profiles& profiles, const ComputeInstanceProfile& one) {
  return one.sm && std::none_of(profiles.begin(), profiles.end(), [&](const auto& other) {
           return &other != &one && other.slices == one.slices && other.sm == one.sm;
         });
}

}  // namespace

void name_compute_profiles(const ProfileName& gpu_instance, Profiles& profiles) {
  for (ComputeInstanceProfile& one : profiles) {
    one.name = gpu_instance.gpu_instance();
    one.name.compute_slices = one.slices;
    if (&one == &plain_of(profiles, one.slices, one.slices == gpu_instance.gpu_slices)) {
      continue;
    }
    if (sm_tells(profiles, one)) {
      one.name.sm = one.sm;
    } else {
      one.name.compute_profile = one.nvml_profile;
    }
  }
}

bool means(const ProfileName& wanted,
           const ProfileName& name,
           std::optional<std::uint32_t> sm,
           std::uint32_t nvml_profile) {
  if (wanted.gpu_instance() != name.gpu_instance() ||
      wanted.compute_slices != name.compute_slices) {
    return false;
  }
  if (wanted.compute_profile) {
    return *wanted.compute_profile == nvml_profile;
  }
  return wanted.sm ? wanted.sm == sm : !name.special();
}

const ComputeInstanceProfile* find_compute_profile(const GpuInstanceProfile& profile,
                                                   const ProfileName& name) {
  ProfileName here = name;  // the size in the name may be rounded by another driver
  here.gpu_slices = profile.name.gpu_slices;
  here.memory_gb = profile.name.memory_gb;
  here.attributes = profile.name.attributes;
  const ComputeInstanceProfile* found = nullptr;
  for (const ComputeInstanceProfile& compute : profile.compute_profiles) {
    if (means(here, compute.name, compute.sm, compute.nvml_profile) &&
        (found == nullptr || !compute.name.special())) {
      found = &compute;
    }
  }
  return found;
}

}  // namespace mig
