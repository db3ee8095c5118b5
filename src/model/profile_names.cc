// SPDX-License-Identifier: Apache-2.0
#include "model/profile_names.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "abi/nvml_constants.h"
#include "model/compute_names.h"

namespace mig {
namespace {

constexpr std::uint32_t kThreeSliceGfx = 0x11;  // newer than R580, which refuses it

// Compute-instance profile indices by slice count.
constexpr std::array<std::pair<std::uint32_t, std::uint32_t>, 7> kComputeSlices = {{
    {1, NVML_COMPUTE_INSTANCE_PROFILE_1_SLICE},
    {2, NVML_COMPUTE_INSTANCE_PROFILE_2_SLICE},
    {3, NVML_COMPUTE_INSTANCE_PROFILE_3_SLICE},
    {4, NVML_COMPUTE_INSTANCE_PROFILE_4_SLICE},
    {6, NVML_COMPUTE_INSTANCE_PROFILE_6_SLICE},
    {7, NVML_COMPUTE_INSTANCE_PROFILE_7_SLICE},
    {8, NVML_COMPUTE_INSTANCE_PROFILE_8_SLICE},
}};

// GB in a profile's name: round-half-up(eighths of the GPU's memory, rounded up, times its size in
// whole GiB, rounded up).
std::uint32_t derived_gb(std::uint64_t memory_mib, std::uint64_t total_bytes) {
  if (total_bytes == 0) {
    return 0;
  }
  const std::uint64_t eighths = ((memory_mib << 20U) * 8 + total_bytes - 1) / total_bytes;
  const std::uint64_t gib = (total_bytes + (1ULL << 30U) - 1) >> 30U;
  return static_cast<std::uint32_t>((2 * eighths * gib + 8) / 16);
}

int variant_rank(std::uint32_t nvml_profile) {
  if (nvml_profile == NVML_GPU_INSTANCE_PROFILE_1_SLICE_REV2) {
    return 2;
  }
  const std::string_view attributes = attributes_of(nvml_profile);
  if (attributes == "+me") {
    return 1;
  }
  if (attributes == "+gfx") {
    return 3;
  }
  if (attributes == "+me.all") {
    return 4;
  }
  return attributes == "-me" ? 5 : 0;
}

const GpuInstanceProfile* by_index(const std::vector<GpuInstanceProfile>& all,
                                   std::uint32_t index) {
  const auto found = std::find_if(
      all.begin(), all.end(), [&](const auto& one) { return one.nvml_profile == index; });
  return found == all.end() ? nullptr : &*found;
}

// The profile without attributes that has so many compute slices, with the plain memory size.
const GpuInstanceProfile* plain_of(const std::vector<GpuInstanceProfile>& all,
                                   std::uint32_t slices) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const GpuInstanceProfile& one) {
    return one.slices == slices && one.nvml_profile != NVML_GPU_INSTANCE_PROFILE_1_SLICE_REV2 &&
           attributes_of(one.nvml_profile).empty();
  });
  return found == all.end() ? nullptr : &*found;
}

std::uint32_t size_of(const GpuInstanceProfile& profile) {
  return profile.placements.empty() ? 0 : profile.placements.front().size;
}

// The 1g with double memory, on boards where it has more SMs than a plain 1g (from Hopper on). Then
// compute instances of those SMs exist too (NVML_COMPUTE_INSTANCE_PROFILE_1_SLICE_REV1), and all
// lie in aligned spans. H100: go-nvml#146 lists 1c.2g.20gb with 16 and with 26 SMs. On an A100 both
// have 14, and there is the plain one only.
const GpuInstanceProfile* larger_one_slice(const std::vector<GpuInstanceProfile>& all) {
  const GpuInstanceProfile* twice = by_index(all, NVML_GPU_INSTANCE_PROFILE_1_SLICE_REV2);
  const GpuInstanceProfile* plain = by_index(all, NVML_GPU_INSTANCE_PROFILE_1_SLICE);
  return twice != nullptr && plain != nullptr && twice->sm > plain->sm ? twice : nullptr;
}

// Offered in each GPU instance with enough SMs and slots.
std::optional<ComputeInstanceProfile> larger_in(const GpuInstanceProfile& profile,
                                                const GpuInstanceProfile& larger) {
  const bool told = size_of(larger) != 0 && size_of(profile) != 0;
  const std::uint32_t count = told ? size_of(profile) / size_of(larger)
                              : profile.nvml_profile == larger.nvml_profile ? 1
                                                                            : profile.slices / 2;
  if (profile.sm < larger.sm || count == 0) {
    return std::nullopt;
  }
  ComputeInstanceProfile out;
  out.nvml_profile = NVML_COMPUTE_INSTANCE_PROFILE_1_SLICE_REV1;
  out.slices = larger.slices;
  out.max_count = count;
  out.sm = larger.sm;
  out.span = size_of(larger);
  return out;
}

}  // namespace

std::string_view attributes_of(std::uint32_t nvml_profile) {
  switch (nvml_profile) {
    case NVML_GPU_INSTANCE_PROFILE_1_SLICE_REV1:
    case NVML_GPU_INSTANCE_PROFILE_2_SLICE_REV1:
      return "+me";
    case NVML_GPU_INSTANCE_PROFILE_1_SLICE_GFX:
    case NVML_GPU_INSTANCE_PROFILE_2_SLICE_GFX:
    case NVML_GPU_INSTANCE_PROFILE_4_SLICE_GFX:
    case kThreeSliceGfx:
      return "+gfx";
    case NVML_GPU_INSTANCE_PROFILE_1_SLICE_NO_ME:
    case NVML_GPU_INSTANCE_PROFILE_2_SLICE_NO_ME:
      return "-me";
    case NVML_GPU_INSTANCE_PROFILE_1_SLICE_ALL_ME:
    case NVML_GPU_INSTANCE_PROFILE_2_SLICE_ALL_ME:
      return "+me.all";
    default:
      return "";
  }
}

ProfileName gpu_instance_name(std::string_view told,
                              std::uint32_t nvml_profile,
                              std::uint32_t slices,
                              std::uint64_t memory_mib,
                              std::uint64_t total_bytes) {
  ProfileName name{slices, slices, derived_gb(memory_mib, total_bytes), {}};
  if (auto read = ProfileName::parse(told); read && !told.empty()) {
    name = read->gpu_instance();
  }
  if (name.attributes.empty()) {
    name.attributes = attributes_of(nvml_profile);
  }
  return name;
}

bool before_in_listing(const GpuInstanceProfile& a, const GpuInstanceProfile& b) {
  const auto key = [](const GpuInstanceProfile& p) {
    return std::tuple(p.slices, variant_rank(p.nvml_profile), p.nvml_profile);
  };
  return key(a) < key(b);
}

// A GPU has one table of compute profiles, and each GPU instance offers those that fit: a compute
// instance has the SMs of the GPU instance with as many slices, and as many slots as that one has
// memory slices (open-gpu-kernel-modules 595.45.04, kernel_mig_manager.c; H200, R590: 1c.3g 16,
// 2c.3g 32).
std::vector<ComputeInstanceProfile> derive_compute_profiles(
    const GpuInstanceProfile& profile, const std::vector<GpuInstanceProfile>& all) {
  const GpuInstanceProfile* larger = larger_one_slice(all);
  std::vector<ComputeInstanceProfile> out;
  for (const auto& [slices, index] : kComputeSlices) {
    // Smaller compute profiles have at most (slices + 1) / 2 slices: a 3g has a 2c, a 4g no 3c.
    const bool full = slices == profile.slices;
    if (slices > profile.slices || (!full && 2 * slices > profile.slices + 1)) {
      continue;
    }
    ComputeInstanceProfile compute;
    compute.nvml_profile = index;
    compute.slices = slices;
    compute.max_count = profile.slices / slices;
    if (const GpuInstanceProfile* same = plain_of(all, slices)) {
      compute.sm = same->sm;
      compute.span = larger == nullptr ? 0 : size_of(*same);
    }
    if (full && (larger == nullptr || profile.nvml_profile != larger->nvml_profile)) {
      compute.sm = profile.sm;
    }
    out.push_back(std::move(compute));
  }
  if (auto more = larger == nullptr ? std::nullopt : larger_in(profile, *larger)) {
    out.push_back(*std::move(more));
  }
  name_compute_profiles(profile.name, out);
  return out;
}

}  // namespace mig
