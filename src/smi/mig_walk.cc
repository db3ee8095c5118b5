// SPDX-License-Identifier: Apache-2.0
#include "smi/mig_walk.h"

#include <algorithm>
#include <tuple>

namespace mig::smi {
namespace {

// Rank among the profiles of one slice count.
unsigned variant_rank(unsigned index) {
  switch (index) {
    case NVML_GPU_INSTANCE_PROFILE_1_SLICE_REV1:
    case NVML_GPU_INSTANCE_PROFILE_2_SLICE_REV1:
      return 1;
    case NVML_GPU_INSTANCE_PROFILE_1_SLICE_REV2:
      return 2;
    case NVML_GPU_INSTANCE_PROFILE_1_SLICE_GFX:
    case NVML_GPU_INSTANCE_PROFILE_2_SLICE_GFX:
    case NVML_GPU_INSTANCE_PROFILE_4_SLICE_GFX:
      return 3;
    case NVML_GPU_INSTANCE_PROFILE_1_SLICE_ALL_ME:
    case NVML_GPU_INSTANCE_PROFILE_2_SLICE_ALL_ME:
      return 4;
    case NVML_GPU_INSTANCE_PROFILE_1_SLICE_NO_ME:
    case NVML_GPU_INSTANCE_PROFILE_2_SLICE_NO_ME:
      return 5;
    default:
      return 0;
  }
}

bool board_lacks_it(nvmlReturn_t code) {
  return code == NVML_ERROR_NOT_SUPPORTED || code == NVML_ERROR_INVALID_ARGUMENT ||
         code == NVML_ERROR_NOT_FOUND;
}

// A driver without the versioned call (before R520) reports everything but the name.
nvmlReturn_t unnamed_gi_profile(const Run& run,
                                nvmlDevice_t device,
                                unsigned index,
                                nvmlGpuInstanceProfileInfo_v2_t* info) {
  nvmlGpuInstanceProfileInfo_t old{};
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetGpuInstanceProfileInfo(device, index, &old);
  info->id = old.id;
  info->isP2pSupported = old.isP2pSupported;
  info->sliceCount = old.sliceCount;
  info->instanceCount = old.instanceCount;
  info->multiprocessorCount = old.multiprocessorCount;
  info->copyEngineCount = old.copyEngineCount;
  info->decoderCount = old.decoderCount;
  info->encoderCount = old.encoderCount;
  info->jpegCount = old.jpegCount;
  info->ofaCount = old.ofaCount;
  info->memorySizeMB = old.memorySizeMB;
  return code;
}

}  // namespace

nvmlReturn_t mig_mode(const Run& run, nvmlDevice_t device, MigMode* mode) {
  unsigned current = 0;
  unsigned pending = 0;
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetMigMode(device, &current, &pending);
  *mode = {
      code == NVML_SUCCESS, current == NVML_DEVICE_MIG_ENABLE, pending == NVML_DEVICE_MIG_ENABLE};
  return code == NVML_ERROR_NOT_SUPPORTED ? NVML_SUCCESS : code;
}

std::optional<GiProfile> gi_profile(const Run& run,
                                    nvmlDevice_t device,
                                    unsigned index,
                                    nvmlReturn_t* code) {
  nvmlGpuInstanceProfileInfo_v2_t info{};
  info.version = nvmlGpuInstanceProfileInfo_v2;
  *code = run.nvml.nvmlDeviceGetGpuInstanceProfileInfoV(device, index, &info);
  if (*code == NVML_ERROR_FUNCTION_NOT_FOUND) {
    *code = unnamed_gi_profile(run, device, index, &info);
  }
  if (*code != NVML_SUCCESS) {
    if (board_lacks_it(*code)) {
      *code = NVML_SUCCESS;
    }
    return std::nullopt;
  }
  return GiProfile{index,
                   info.id,
                   info.sliceCount,
                   info.instanceCount,
                   info.multiprocessorCount,
                   info.copyEngineCount,
                   info.decoderCount,
                   info.encoderCount,
                   info.jpegCount,
                   info.ofaCount,
                   info.memorySizeMB,
                   info.isP2pSupported != 0,
                   info.name};
}

nvmlReturn_t gi_profiles(const Run& run, nvmlDevice_t device, std::vector<GiProfile>* profiles) {
  for (unsigned index = 0; index < NVML_GPU_INSTANCE_PROFILE_COUNT; ++index) {
    nvmlReturn_t code = NVML_SUCCESS;
    if (auto profile = gi_profile(run, device, index, &code)) {
      profiles->push_back(*std::move(profile));
    }
    if (code != NVML_SUCCESS) {
      return code;
    }
  }
  const auto order = [](const GiProfile& p) { return std::tuple(p.slices, variant_rank(p.index)); };
  std::stable_sort(profiles->begin(), profiles->end(), [&](const auto& a, const auto& b) {
    return order(a) < order(b);
  });
  return NVML_SUCCESS;
}

nvmlReturn_t gpu_instances(const Run& run, nvmlDevice_t device, std::vector<Gi>* instances) {
  std::vector<GiProfile> profiles;
  if (const nvmlReturn_t code = gi_profiles(run, device, &profiles); code != NVML_SUCCESS) {
    return code;
  }
  std::sort(profiles.begin(), profiles.end(), [](const GiProfile& a, const GiProfile& b) {
    return a.index < b.index;
  });
  for (const GiProfile& profile : profiles) {
    std::vector<nvmlGpuInstance_t> handles(profile.max_count);
    unsigned count = profile.max_count;
    nvmlReturn_t code =
        run.nvml.nvmlDeviceGetGpuInstances(device, profile.id, handles.data(), &count);
    if (code != NVML_SUCCESS) {
      return code;
    }
    const std::size_t first = instances->size();
    for (unsigned i = 0; i < count && i < handles.size(); ++i) {
      nvmlGpuInstanceInfo_t info{};
      code = run.nvml.nvmlGpuInstanceGetInfo(handles[i], &info);
      if (code == NVML_ERROR_NOT_FOUND || code == NVML_ERROR_INVALID_ARGUMENT) {
        continue;  // destroyed by another program since the list was read
      }
      if (code != NVML_SUCCESS) {
        return code;
      }
      instances->push_back(
          {handles[i], info.id, info.placement.start, info.placement.size, profile});
    }
    std::sort(instances->begin() + static_cast<std::ptrdiff_t>(first),
              instances->end(),
              [](const Gi& a, const Gi& b) { return a.id < b.id; });
  }
  return NVML_SUCCESS;
}

nvmlReturn_t ci_profiles(const Run& run, const Gi& gi, std::vector<CiProfile>* profiles) {
  for (unsigned index = 0; index < NVML_COMPUTE_INSTANCE_PROFILE_COUNT; ++index) {
    nvmlComputeInstanceProfileInfo_v2_t info{};
    info.version = nvmlComputeInstanceProfileInfo_v2;
    const nvmlReturn_t code = run.nvml.nvmlGpuInstanceGetComputeInstanceProfileInfoV(
        gi.handle, index, NVML_COMPUTE_INSTANCE_ENGINE_PROFILE_SHARED, &info);
    if (board_lacks_it(code)) {
      continue;
    }
    if (code != NVML_SUCCESS) {
      return code;
    }
    profiles->push_back({info.id,
                         info.sliceCount,
                         info.instanceCount,
                         info.multiprocessorCount,
                         info.sharedCopyEngineCount,
                         info.sharedDecoderCount,
                         info.sharedEncoderCount,
                         info.sharedJpegCount,
                         info.sharedOfaCount,
                         info.name});
  }
  std::stable_sort(profiles->begin(), profiles->end(), [](const auto& a, const auto& b) {
    return a.slices < b.slices;
  });
  return NVML_SUCCESS;
}

const CiProfile* full_ci_profile(const std::vector<CiProfile>& profiles, const Gi& gi) {
  const CiProfile* full = nullptr;
  for (const CiProfile& profile : profiles) {
    if (profile.slices == gi.profile.slices && (full == nullptr || profile.sm > full->sm)) {
      full = &profile;
    }
  }
  return full;
}

nvmlReturn_t compute_instances(const Run& run, const Gi& gi, std::vector<Ci>* instances) {
  std::vector<CiProfile> profiles;
  if (const nvmlReturn_t code = ci_profiles(run, gi, &profiles); code != NVML_SUCCESS) {
    return code;
  }
  for (const CiProfile& profile : profiles) {
    std::vector<nvmlComputeInstance_t> handles(profile.max_count);
    unsigned count = profile.max_count;
    nvmlReturn_t code =
        run.nvml.nvmlGpuInstanceGetComputeInstances(gi.handle, profile.id, handles.data(), &count);
    if (code != NVML_SUCCESS) {
      return code;
    }
    const std::size_t first = instances->size();
    for (unsigned i = 0; i < count && i < handles.size(); ++i) {
      nvmlComputeInstanceInfo_t info{};
      code = run.nvml.nvmlComputeInstanceGetInfo_v2(handles[i], &info);
      if (code == NVML_ERROR_NOT_FOUND || code == NVML_ERROR_INVALID_ARGUMENT) {
        continue;
      }
      if (code != NVML_SUCCESS) {
        return code;
      }
      instances->push_back(
          {handles[i], info.id, info.placement.start, info.placement.size, profile});
    }
    std::sort(instances->begin() + static_cast<std::ptrdiff_t>(first),
              instances->end(),
              [](const Ci& a, const Ci& b) { return a.id < b.id; });
  }
  return NVML_SUCCESS;
}

}  // namespace mig::smi
