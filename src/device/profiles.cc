// SPDX-License-Identifier: Apache-2.0
#include "device/profiles.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "device/readings.h"
#include "model/compute_names.h"
#include "model/profile_names.h"

namespace mig::device {
namespace {

// Also queries indices newer than R580: a driver refuses an unknown one.
constexpr std::uint32_t kHighestProfile = 0x11;
constexpr std::uint32_t kHighestComputeProfile = 0x8;

// H200, 580.159.04: an unknown version word gives FUNCTION_NOT_FOUND; documented is
// ARGUMENT_VERSION_MISMATCH.
bool version_refused(nvmlReturn_t code) {
  return code == NVML_ERROR_FUNCTION_NOT_FOUND || code == NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
}

template <class Info>
void copy_common(const Info& info, GpuInstanceProfile& out) {
  out.id = ProfileId{info.id};
  out.slices = info.sliceCount;
  out.max_count = info.instanceCount;
  out.sm = info.multiprocessorCount;
  out.memory_mib = info.memorySizeMB;
  out.engines = {
      info.copyEngineCount, info.decoderCount, info.encoderCount, info.jpegCount, info.ofaCount};
}

nvmlReturn_t ask_profile(const nvml::Functions& nvml,
                         nvmlDevice_t device,
                         std::uint32_t index,
                         GpuInstanceProfile& out,
                         std::string& name) {
  nvmlGpuInstanceProfileInfo_v3_t v3{};
  v3.version = nvmlGpuInstanceProfileInfo_v3;
  nvmlReturn_t code = nvml.nvmlDeviceGetGpuInstanceProfileInfoV(
      device, index, reinterpret_cast<nvmlGpuInstanceProfileInfo_v2_t*>(&v3));
  if (!version_refused(code)) {
    copy_common(v3, out);
    out.p2p = (v3.capabilities & NVML_GPU_INSTANCE_PROFILE_CAPS_P2P) != 0;
    out.graphics = (v3.capabilities & NVML_GPU_INSTANCE_PROFILE_CAPS_GFX) != 0;
    name = v3.name;
    return code;
  }
  nvmlGpuInstanceProfileInfo_v2_t v2{};
  v2.version = nvmlGpuInstanceProfileInfo_v2;
  code = nvml.nvmlDeviceGetGpuInstanceProfileInfoV(device, index, &v2);
  if (!version_refused(code)) {
    copy_common(v2, out);
    out.p2p = v2.isP2pSupported != 0;
    name = v2.name;
    return code;
  }
  nvmlGpuInstanceProfileInfo_t v1{};
  code = nvml.nvmlDeviceGetGpuInstanceProfileInfo(device, index, &v1);
  copy_common(v1, out);
  out.p2p = v1.isP2pSupported != 0;
  return code;
}

// H200, 580.159.04: only the v2 struct has the name. Unprivileged users with MIG on do not see the
// GPU's memory and cannot derive the name.
std::string ask_name(const nvml::Functions& nvml, nvmlDevice_t device, std::uint32_t index) {
  nvmlGpuInstanceProfileInfo_v2_t v2{};
  v2.version = nvmlGpuInstanceProfileInfo_v2;
  return nvml.nvmlDeviceGetGpuInstanceProfileInfoV(device, index, &v2) == NVML_SUCCESS ? v2.name
                                                                                       : "";
}

// The driver ignores the size in *count, so the first call gets the number (abi/nvml.h). For
// unprivileged users placements are unknown.
template <class Raw, class Ask>
Result<std::vector<Placement>> read_placements(std::string_view what, Ask&& ask) {
  unsigned count = 0;
  const nvmlReturn_t code = ask(nullptr, &count);
  if (code == NVML_ERROR_NO_PERMISSION) {
    return std::vector<Placement>();
  }
  if (code != NVML_ERROR_INSUFFICIENT_SIZE) {
    MIG_ASSIGN_OR_RETURN(const bool known, told_of_layout(code, what));
    if (!known) {
      return std::vector<Placement>();
    }
  }
  std::vector<Raw> raw(count + 1);
  MIG_ASSIGN_OR_RETURN(const bool known, told_of_layout(ask(raw.data(), &count), what));
  std::vector<Placement> out;
  for (unsigned i = 0; known && i < count && i < raw.size(); ++i) {
    out.push_back({raw[i].start, raw[i].size});
  }
  std::sort(out.begin(), out.end());
  return out;
}

nvmlReturn_t ask_compute_profile(const nvml::Functions& nvml,
                                 nvmlGpuInstance_t instance,
                                 std::uint32_t index,
                                 ComputeProfile& out) {
  const auto copy = [&](const auto& info) {
    out.id = info.id;
    out.profile.nvml_profile = index;
    out.profile.slices = info.sliceCount;
    out.profile.max_count = info.instanceCount;
    out.profile.sm = info.multiprocessorCount;
  };
  nvmlComputeInstanceProfileInfo_v2_t v2{};
  v2.version = nvmlComputeInstanceProfileInfo_v2;
  nvmlReturn_t code = nvml.nvmlGpuInstanceGetComputeInstanceProfileInfoV(
      instance, index, NVML_COMPUTE_INSTANCE_ENGINE_PROFILE_SHARED, &v2);
  if (!version_refused(code)) {
    if (code == NVML_SUCCESS) {
      copy(v2);
    }
    return code;
  }
  nvmlComputeInstanceProfileInfo_t v1{};
  code = nvml.nvmlGpuInstanceGetComputeInstanceProfileInfo(
      instance, index, NVML_COMPUTE_INSTANCE_ENGINE_PROFILE_SHARED, &v1);
  if (code == NVML_SUCCESS) {
    copy(v1);
  }
  return code;
}

void name_them(const ProfileName& gpu_instance, std::vector<ComputeProfile>& profiles) {
  std::vector<ComputeInstanceProfile> all;
  all.reserve(profiles.size());
  for (const ComputeProfile& profile : profiles) {
    all.push_back(profile.profile);
  }
  name_compute_profiles(gpu_instance, all);
  for (std::size_t i = 0; i < all.size(); ++i) {
    profiles[i].profile.name = std::move(all[i].name);
  }
}

}  // namespace

Result<std::vector<GpuInstanceProfile>> read_profiles(const nvml::Functions& nvml,
                                                      nvmlDevice_t device,
                                                      std::uint64_t total_bytes) {
  std::vector<GpuInstanceProfile> out;
  for (std::uint32_t index = 0; index <= kHighestProfile; ++index) {
    GpuInstanceProfile profile;
    std::string name;
    const nvmlReturn_t code = ask_profile(nvml, device, index, profile, name);
    MIG_ASSIGN_OR_RETURN(const bool known, told_of_layout(code, "GPU instance profiles"));
    if (!known) {
      continue;
    }
    profile.nvml_profile = index;
    if (name.empty() && total_bytes == 0) {
      name = ask_name(nvml, device, index);
    }
    profile.name = gpu_instance_name(name, index, profile.slices, profile.memory_mib, total_bytes);
    MIG_ASSIGN_OR_RETURN(
        profile.placements,
        read_placements<nvmlGpuInstancePlacement_t>(
            "possible placements", [&](nvmlGpuInstancePlacement_t* to, unsigned* count) {
              return nvml.nvmlDeviceGetGpuInstancePossiblePlacements_v2(
                  device, profile.id.value, to, count);
            }));
    profile.compute_profiles_derived = true;
    out.push_back(std::move(profile));
  }
  for (GpuInstanceProfile& profile : out) {
    profile.compute_profiles = derive_compute_profiles(profile, out);
  }
  std::sort(out.begin(), out.end(), before_in_listing);
  return out;
}

Result<void> read_remaining(const nvml::Functions& nvml,
                            nvmlDevice_t device,
                            std::vector<GpuInstanceProfile>& profiles) {
  for (GpuInstanceProfile& profile : profiles) {
    unsigned remaining = 0;
    MIG_ASSIGN_OR_RETURN(
        const bool counted,
        told(nvml.nvmlDeviceGetGpuInstanceRemainingCapacity(device, profile.id.value, &remaining),
             "remaining capacity"));
    if (counted) {
      profile.remaining = remaining;
    }
  }
  return {};
}

Result<std::vector<ComputeProfile>> read_compute_profiles(const nvml::Functions& nvml,
                                                          nvmlGpuInstance_t instance,
                                                          const ProfileName& name) {
  std::vector<ComputeProfile> out;
  for (std::uint32_t index = 0; index <= kHighestComputeProfile; ++index) {
    ComputeProfile profile;
    const nvmlReturn_t code = ask_compute_profile(nvml, instance, index, profile);
    MIG_ASSIGN_OR_RETURN(const bool known, told_of_layout(code, "compute instance profiles"));
    if (!known) {
      continue;
    }
    MIG_ASSIGN_OR_RETURN(
        profile.profile.placements,
        read_placements<nvmlComputeInstancePlacement_t>(
            "compute placements", [&](nvmlComputeInstancePlacement_t* to, unsigned* count) {
              return nvml.nvmlGpuInstanceGetComputeInstancePossiblePlacements(
                  instance, profile.id, to, count);
            }));
    out.push_back(std::move(profile));
  }
  name_them(name, out);
  return out;
}

}  // namespace mig::device
