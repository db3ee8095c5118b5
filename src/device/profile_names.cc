// SPDX-License-Identifier: Apache-2.0
#include "device/profile_names.h"

#include <array>
#include <string>
#include <tuple>
#include <utility>

#include "abi/nvml_constants.h"

namespace mig::device {
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

// round-half-up(eighths of the GPU's memory, rounded up, times its size in whole GiB, rounded up).
std::uint32_t derived_gb(std::uint64_t memory_mib, std::uint64_t total_bytes) {
  if (total_bytes == 0)
    return 0;
  const std::uint64_t eighths = ((memory_mib << 20U) * 8 + total_bytes - 1) / total_bytes;
  const std::uint64_t gib = (total_bytes + (1ULL << 30U) - 1) >> 30U;
  return static_cast<std::uint32_t>((2 * eighths * gib + 8) / 16);
}

int variant_rank(std::uint32_t nvml_profile) {
  if (nvml_profile == NVML_GPU_INSTANCE_PROFILE_1_SLICE_REV2)
    return 2;
  const std::string_view attributes = attributes_of(nvml_profile);
  if (attributes == "+me")
    return 1;
  if (attributes == "+gfx")
    return 3;
  if (attributes == "+me.all")
    return 4;
  return attributes == "-me" ? 5 : 0;
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
  if (!told.empty()) {
    if (auto name = ProfileName::parse(told); name)
      return *name;
  }
  return ProfileName{slices,
                     slices,
                     derived_gb(memory_mib, total_bytes),
                     std::string(attributes_of(nvml_profile))};
}

ProfileName compute_instance_name(std::string_view told,
                                  std::uint32_t slices,
                                  const ProfileName& gpu_instance) {
  if (!told.empty()) {
    if (auto name = ProfileName::parse(told); name)
      return *name;
  }
  ProfileName name = gpu_instance;
  name.compute_slices = slices;
  return name;
}

bool before_in_listing(const GpuInstanceProfile& a, const GpuInstanceProfile& b) {
  const auto key = [](const GpuInstanceProfile& p) {
    return std::tuple(p.slices, variant_rank(p.nvml_profile), p.nvml_profile);
  };
  return key(a) < key(b);
}

std::vector<ComputeInstanceProfile> derive_compute_profiles(const GpuInstanceProfile& profile) {
  std::vector<ComputeInstanceProfile> out;
  for (const auto& [slices, index] : kComputeSlices) {
    // 4g has no 3c, 2g no 3c and so on: a part takes at most half of the slices plus one half.
    const bool full = slices == profile.slices;
    if (slices > profile.slices || (!full && 2 * slices > profile.slices + 1))
      continue;
    ComputeInstanceProfile compute;
    compute.nvml_profile = index;
    // H100 and A100: the one-slice instance with double memory has its own full-size profile.
    if (full && profile.nvml_profile == NVML_GPU_INSTANCE_PROFILE_1_SLICE_REV2)
      compute.nvml_profile = NVML_COMPUTE_INSTANCE_PROFILE_1_SLICE_REV1;
    compute.name = compute_instance_name("", slices, profile.name);
    compute.slices = slices;
    compute.max_count = profile.slices / slices;
    if (full)
      compute.sm = profile.sm;
    out.push_back(std::move(compute));
  }
  return out;
}

}  // namespace mig::device
