// SPDX-License-Identifier: Apache-2.0
// Compute instances: profiles and remaining capacity inside a GPU instance, create, destroy, find,
// describe.
#include <cstring>
#include <optional>

#include "sim/exports/answer.h"
#include "sim/exports/instances.h"

using namespace migsim;           // NOLINT(google-build-using-namespace)
using namespace migsim::exports;  // NOLINT(google-build-using-namespace)

namespace {

template <class Info>
void fill_common(const CiProfile& profile, Info& info) {
  info.id = profile.profile;
  info.sliceCount = profile.slices;
  info.instanceCount = profile.max_count;
  info.multiprocessorCount = static_cast<unsigned>(profile.sm);
  info.sharedCopyEngineCount = profile.shared.ce;
  info.sharedDecoderCount = profile.shared.dec;
  info.sharedEncoderCount = profile.shared.enc;
  info.sharedJpegCount = profile.shared.jpeg;
  info.sharedOfaCount = profile.shared.ofa;
}

// A profile whose SM count the board file does not know is not reported at all.
const CiProfile* find(const GiSubject& s, unsigned profile, unsigned engine, nvmlReturn_t& code) {
  code = NVML_SUCCESS;
  if (profile >= NVML_COMPUTE_INSTANCE_PROFILE_COUNT ||
      engine >= NVML_COMPUTE_INSTANCE_ENGINE_PROFILE_COUNT) {
    code = NVML_ERROR_INVALID_ARGUMENT;
    return nullptr;
  }
  const CiProfile* found = find_ci_profile(s.profile(), profile);
  if (found == nullptr || found->sm == kUnknown) {
    code = NVML_ERROR_NOT_SUPPORTED;
    return nullptr;
  }
  return found;
}

nvmlReturn_t create(const char* function,
                    nvmlGpuInstance_t instance,
                    unsigned profile_id,
                    std::optional<Placement> at,
                    nvmlComputeInstance_t* compute) {
  return change_gi(function, instance, [&](GpuRef gpu, const GiRef& ref) -> int {
    if (compute == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    const GiState& gi = gpu.self().gis[ref.gi];
    const CiProfile* profile =
        find_ci_profile(gpu.board().gi_profiles[gi.profile_index], profile_id);
    if (profile == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (profile->sm == kUnknown) {  // as in the profile query
      return NVML_ERROR_NOT_SUPPORTED;
    }
    std::uint32_t id = 0;
    const int code = create_ci(gpu, ref.gi, *profile, at, id);
    if (code == NVML_SUCCESS) {
      *compute = compute_instances().handle_of<nvmlComputeInstance_t>(
          CiRef{ref.gpu, ref.gi, id, ref.serial, gi.cis[id].serial});
    }
    return code;
  });
}

nvmlComputeInstance_t handle_of(const GiSubject& s, std::uint32_t ci) {
  return compute_instances().handle_of<nvmlComputeInstance_t>(
      CiRef{s.ref.gpu, s.ref.gi, ci, s.ref.serial, s.gi().cis[ci].serial});
}

template <class Info>
nvmlReturn_t give_info(const char* function, nvmlComputeInstance_t compute, Info* info) {
  if (!current_machine()) {
    return NVML_ERROR_UNINITIALIZED;
  }
  const CiRef* ref = compute_instances().find(compute);
  if (ref == nullptr || info == nullptr) {
    return NVML_ERROR_INVALID_ARGUMENT;
  }
  return call(function, ref->gpu, [&](Machine& machine) {
    const Machine::View view(machine);
    const GpuView gpu{machine.hardware(), *view, ref->gpu};
    if (gpu.self().lost != 0) {
      return NVML_ERROR_GPU_IS_LOST;
    }
    if (!alive(gpu.self(), *ref)) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    const GiState& gi = gpu.self().gis[ref->gi];
    const CiState& ci = gi.cis[ref->ci];
    const GiProfile& holder = gpu.board().gi_profiles[gi.profile_index];
    const nvmlComputeInstanceInfo_t all{mig_handle(ref->gpu, ref->gi, ref->ci, *view),
                                        gi_handle(gpu, ref->gi),
                                        ref->ci,
                                        holder.ci_profiles[ci.profile_index].profile,
                                        {ci.placement.start, ci.placement.size}};
    std::memcpy(info, &all, sizeof(Info));  // the v2 struct begins with the fields of v1
    return NVML_SUCCESS;
  });
}

}  // namespace

extern "C" {

nvmlReturn_t nvmlGpuInstanceGetComputeInstanceProfileInfo(nvmlGpuInstance_t instance,
                                                          unsigned profile,
                                                          unsigned engine_profile,
                                                          nvmlComputeInstanceProfileInfo_t* info) {
  return read_gi(__func__, instance, [&](const GiSubject& s) {
    nvmlReturn_t code = NVML_ERROR_INVALID_ARGUMENT;
    const CiProfile* found = info == nullptr ? nullptr : find(s, profile, engine_profile, code);
    if (found != nullptr) {
      fill_common(*found, *info);
    }
    return code;
  });
}

nvmlReturn_t nvmlGpuInstanceGetComputeInstanceProfileInfoV(
    nvmlGpuInstance_t instance,
    unsigned profile,
    unsigned engine_profile,
    nvmlComputeInstanceProfileInfo_v2_t* info) {
  return read_gi(__func__, instance, [&](const GiSubject& s) {
    if (info == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    const bool v3 = info->version == nvmlComputeInstanceProfileInfo_v3;
    if (!v3 && info->version != nvmlComputeInstanceProfileInfo_v2) {
      return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    nvmlReturn_t code = NVML_SUCCESS;
    const CiProfile* found = find(s, profile, engine_profile, code);
    if (found == nullptr) {
      return code;
    }
    fill_common(*found, *info);
    fill_text(found->name, info->name);
    if (v3) {
      reinterpret_cast<nvmlComputeInstanceProfileInfo_v3_t*>(info)->capabilities =
          found->gfx != 0 ? NVML_COMPUTE_INSTANCE_PROFILE_CAPS_GFX : 0;
    }
    return NVML_SUCCESS;
  });
}

nvmlReturn_t nvmlGpuInstanceGetComputeInstanceRemainingCapacity(nvmlGpuInstance_t instance,
                                                                unsigned profile_id,
                                                                unsigned* count) {
  return read_gi_as_admin(__func__, instance, [&](const GiSubject& s) {
    nvmlReturn_t code = NVML_ERROR_INVALID_ARGUMENT;
    const CiProfile* found = count == nullptr ? nullptr : find(s, profile_id, 0, code);
    return found != nullptr ? put(ci_remaining(s.gpu, s.ref.gi, *found), count) : code;
  });
}

nvmlReturn_t nvmlGpuInstanceGetComputeInstancePossiblePlacements(
    nvmlGpuInstance_t instance,
    unsigned profile_id,
    nvmlComputeInstancePlacement_t* placements,
    unsigned* count) {
  return read_gi_as_admin(__func__, instance, [&](const GiSubject& s) {
    nvmlReturn_t code = NVML_ERROR_INVALID_ARGUMENT;
    const CiProfile* found = count == nullptr ? nullptr : find(s, profile_id, 0, code);
    if (found == nullptr) {
      return code;
    }
    for (std::uint32_t i = 0; placements != nullptr && i < found->placement_count; ++i) {
      placements[i] = {found->placements[i].start, found->placements[i].size};
    }
    return put(found->placement_count, count);
  });
}

nvmlReturn_t nvmlGpuInstanceCreateComputeInstance(nvmlGpuInstance_t instance,
                                                  unsigned profile_id,
                                                  nvmlComputeInstance_t* compute) {
  return create(__func__, instance, profile_id, std::nullopt, compute);
}

nvmlReturn_t nvmlGpuInstanceCreateComputeInstanceWithPlacement(
    nvmlGpuInstance_t instance,
    unsigned profile_id,
    const nvmlComputeInstancePlacement_t* placement,
    nvmlComputeInstance_t* compute) {
  if (placement == nullptr) {
    return current_machine() ? NVML_ERROR_INVALID_ARGUMENT : NVML_ERROR_UNINITIALIZED;
  }
  return create(
      __func__, instance, profile_id, Placement{placement->start, placement->size}, compute);
}

nvmlReturn_t nvmlComputeInstanceDestroy(nvmlComputeInstance_t compute) {
  if (!current_machine()) {
    return NVML_ERROR_UNINITIALIZED;
  }
  const CiRef* ref = compute_instances().find(compute);
  if (ref == nullptr) {
    return NVML_ERROR_INVALID_ARGUMENT;
  }
  const OpenNodes open = nodes_in_the_way(ref->gpu, ref->gi);
  return change_gpu(__func__, ref->gpu, [&](GpuRef gpu) -> int {
    if (!alive(gpu.self(), *ref)) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    return destroy_ci(
        gpu, ref->gi, ref->ci, open.compute_instance(gpu.self().minor, ref->gi, ref->ci));
  });
}

nvmlReturn_t nvmlGpuInstanceGetComputeInstances(nvmlGpuInstance_t instance,
                                                unsigned profile_id,
                                                nvmlComputeInstance_t* computes,
                                                unsigned* count) {
  return read_gi_as_admin(__func__, instance, [&](const GiSubject& s) {
    if (computes == nullptr || count == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    const CiProfile* profile = find_ci_profile(s.profile(), profile_id);
    if (profile == nullptr) {
      return profile_id < NVML_COMPUTE_INSTANCE_PROFILE_COUNT ? NVML_ERROR_NOT_SUPPORTED
                                                              : NVML_ERROR_INVALID_ARGUMENT;
    }
    unsigned found = 0;
    for (std::uint32_t ci = 0; ci < kMaxCis; ++ci) {
      const CiState& state = s.gi().cis[ci];
      if (state.used != 0 && &s.profile().ci_profiles[state.profile_index] == profile) {
        computes[found++] = handle_of(s, ci);
      }
    }
    return put(found, count);
  });
}

nvmlReturn_t nvmlGpuInstanceGetComputeInstanceById(nvmlGpuInstance_t instance,
                                                   unsigned id,
                                                   nvmlComputeInstance_t* compute) {
  return read_gi_as_admin(__func__, instance, [&](const GiSubject& s) {
    if (compute == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    return id < kMaxCis && s.gi().cis[id].used != 0 ? put(handle_of(s, id), compute)
                                                    : NVML_ERROR_NOT_FOUND;
  });
}

nvmlReturn_t nvmlComputeInstanceGetInfo(nvmlComputeInstance_t compute,
                                        nvmlComputeInstanceInfo_v1_t* info) {
  return give_info(__func__, compute, info);
}

nvmlReturn_t nvmlComputeInstanceGetInfo_v2(nvmlComputeInstance_t compute,
                                           nvmlComputeInstanceInfo_t* info) {
  return give_info(__func__, compute, info);
}

}  // extern "C"
