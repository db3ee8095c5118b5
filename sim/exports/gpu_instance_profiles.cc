// SPDX-License-Identifier: Apache-2.0
// GPU instance profiles of a board, their placements and remaining capacity. Reported with MIG off
// too.
#include <algorithm>
#include <iterator>

#include "sim/exports/answer.h"
#include "sim/exports/dispatch.h"
#include "sim/exports/profiles.h"

using namespace migsim;           // NOLINT(google-build-using-namespace)
using namespace migsim::exports;  // NOLINT(google-build-using-namespace)

namespace {

// Fields common to all three struct versions.
template <class Info>
void fill_common(const GiProfile& profile, Info& info) {
  info.id = profile.id;
  info.sliceCount = profile.slices;
  info.instanceCount = profile.max_count;
  info.multiprocessorCount = profile.sm;
  info.copyEngineCount = profile.engines.ce;
  info.decoderCount = profile.engines.dec;
  info.encoderCount = profile.engines.enc;
  info.jpegCount = profile.engines.jpeg;
  info.ofaCount = profile.engines.ofa;
  info.memorySizeMB = profile.memory_mib;
}

// H200, 580.159.04: the driver sets the version word of a v2 struct to 0.
void fill_v2(const GiProfile& profile, nvmlGpuInstanceProfileInfo_v2_t& info) {
  info.version = 0;
  fill_common(profile, info);
  info.isP2pSupported = profile.p2p;
  fill_text(profile.name, info.name);
}

// H200, 580.159.04: the driver leaves the name of a v3 struct empty.
void fill_v3(const GiProfile& profile, nvmlGpuInstanceProfileInfo_v3_t& info) {
  fill_common(profile, info);
  fill_text("", info.name);
  info.capabilities = (profile.p2p != 0 ? NVML_GPU_INSTANCE_PROFILE_CAPS_P2P : 0) |
                      (profile.gfx != 0 ? NVML_GPU_INSTANCE_PROFILE_CAPS_GFX : 0);
}

nvmlReturn_t fill_versioned(const GiProfile& profile, nvmlGpuInstanceProfileInfo_v2_t* info) {
  if (info->version == nvmlGpuInstanceProfileInfo_v3) {
    fill_v3(profile, *reinterpret_cast<nvmlGpuInstanceProfileInfo_v3_t*>(info));
  } else {
    fill_v2(profile, *info);
  }
  return NVML_SUCCESS;
}

bool version_known(unsigned version) {
  return version == nvmlGpuInstanceProfileInfo_v2 || version == nvmlGpuInstanceProfileInfo_v3;
}

// Runs a profile query: on a GPU that supports MIG, never on a MIG device.
template <class Body>
nvmlReturn_t read_profiles(const char* function, nvmlDevice_t device, Body&& body) {
  return read_gpu(
      function,
      device,
      [&](const Subject& s) {
        return can_mig(s.board(), s.self()) ? body(s) : NVML_ERROR_NOT_SUPPORTED;
      },
      NVML_ERROR_INVALID_ARGUMENT);
}

// The profile, or nullptr with the reason in `code`.
const GiProfile* by_enum(const Subject& s, unsigned profile, nvmlReturn_t& code) {
  const GiProfile* found = find_gi_profile_by_enum(s.board(), profile);
  code = found != nullptr                             ? NVML_SUCCESS
         : profile >= NVML_GPU_INSTANCE_PROFILE_COUNT ? NVML_ERROR_INVALID_ARGUMENT
                                                      : NVML_ERROR_NOT_SUPPORTED;
  return code == NVML_SUCCESS ? found : nullptr;
}

// Graphics profiles of other boards: an H200 (580.159.04) reports for 47 a capacity of 0 and no
// placements, where it answers NOT_SUPPORTED for 21. 32 and 35 are assumed to behave like 47.
bool is_graphics(unsigned profile_id) {
  return profile_id == 32 || profile_id == 35 || profile_id == 47;
}

nvmlReturn_t give_placements(const char* function,
                             nvmlDevice_t device,
                             unsigned profile_id,
                             nvmlGpuInstancePlacement_t* placements,
                             unsigned* count) {
  return read_profiles(function, device, [&](const Subject& s) {
    if (count == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (!is_admin(s.machine)) {
      return NVML_ERROR_NO_PERMISSION;
    }
    const GiProfile* profile = find_gi_profile_by_id(s.board(), profile_id);
    if (profile == nullptr) {
      return is_graphics(profile_id) ? put(0U, count) : why_not_on_board(profile_id);
    }
    for (std::uint32_t i = 0; placements != nullptr && i < profile->placement_count; ++i) {
      placements[i] = {profile->placements[i].start, profile->placements[i].size};
    }
    return put(profile->placement_count, count);
  });
}

}  // namespace

namespace migsim::exports {

nvmlReturn_t why_not_on_board(unsigned profile_id) {
  // Every profile id in use on some board with R580.
  static constexpr unsigned kIds[] = {0, 5, 6, 9, 14, 15, 19, 20, 21, 32, 35, 47, 64, 65, 66, 67};
  return std::find(std::begin(kIds), std::end(kIds), profile_id) != std::end(kIds)
             ? NVML_ERROR_NOT_SUPPORTED
             : NVML_ERROR_INVALID_ARGUMENT;
}

}  // namespace migsim::exports

extern "C" {

nvmlReturn_t nvmlDeviceGetGpuInstanceProfileInfo(nvmlDevice_t device,
                                                 unsigned profile,
                                                 nvmlGpuInstanceProfileInfo_t* info) {
  return read_profiles(__func__, device, [&](const Subject& s) {
    if (info == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    nvmlReturn_t code = NVML_SUCCESS;
    if (const GiProfile* found = by_enum(s, profile, code)) {
      fill_common(*found, *info);
      info->isP2pSupported = found->p2p;
    }
    return code;
  });
}

nvmlReturn_t nvmlDeviceGetGpuInstanceProfileInfoV(nvmlDevice_t device,
                                                  unsigned profile,
                                                  nvmlGpuInstanceProfileInfo_v2_t* info) {
  return read_profiles(__func__, device, [&](const Subject& s) {
    if (info == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (!version_known(info->version)) {
      return NVML_ERROR_INVALID_ARGUMENT;  // H200, 580.159.04, when the version word is 0
    }
    nvmlReturn_t code = NVML_SUCCESS;
    const GiProfile* found = by_enum(s, profile, code);
    return found != nullptr ? fill_versioned(*found, info) : code;
  });
}

nvmlReturn_t nvmlDeviceGetGpuInstanceProfileInfoByIdV(nvmlDevice_t device,
                                                      unsigned profile_id,
                                                      nvmlGpuInstanceProfileInfo_v2_t* info) {
  return read_profiles(__func__, device, [&](const Subject& s) {
    if (info == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (!version_known(info->version)) {
      return NVML_ERROR_INVALID_ARGUMENT;  // H200, 580.159.04, when the version word is 0
    }
    const GiProfile* found = find_gi_profile_by_id(s.board(), profile_id);
    if (found != nullptr) {
      return fill_versioned(*found, info);
    }
    // H200, 580.159.04: here an id of another board is NOT_FOUND, though NOT_SUPPORTED in other
    // calls.
    const nvmlReturn_t why = why_not_on_board(profile_id);
    return why == NVML_ERROR_NOT_SUPPORTED ? NVML_ERROR_NOT_FOUND : why;
  });
}

nvmlReturn_t nvmlDeviceGetGpuInstancePossiblePlacements(nvmlDevice_t device,
                                                        unsigned profile_id,
                                                        nvmlGpuInstancePlacement_t* placements,
                                                        unsigned* count) {
  return give_placements(__func__, device, profile_id, placements, count);
}

nvmlReturn_t nvmlDeviceGetGpuInstancePossiblePlacements_v2(nvmlDevice_t device,
                                                           unsigned profile_id,
                                                           nvmlGpuInstancePlacement_t* placements,
                                                           unsigned* count) {
  return give_placements(__func__, device, profile_id, placements, count);
}

nvmlReturn_t nvmlDeviceGetGpuInstanceRemainingCapacity(nvmlDevice_t device,
                                                       unsigned profile_id,
                                                       unsigned* count) {
  return read_profiles(__func__, device, [&](const Subject& s) {
    if (count == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (!is_admin(s.machine)) {
      return NVML_ERROR_NO_PERMISSION;
    }
    if (const GiProfile* profile = find_gi_profile_by_id(s.board(), profile_id)) {
      return put(gi_remaining(s.gpu, *profile), count);
    }
    return is_graphics(profile_id) ? put(0U, count) : why_not_on_board(profile_id);
  });
}

}  // extern "C"
