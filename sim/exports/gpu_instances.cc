// SPDX-License-Identifier: Apache-2.0
// GPU instances: create, destroy, find, describe.
#include <optional>

#include "sim/exports/answer.h"
#include "sim/exports/dispatch.h"
#include "sim/exports/instances.h"
#include "sim/exports/profiles.h"

using namespace migsim;           // NOLINT(google-build-using-namespace)
using namespace migsim::exports;  // NOLINT(google-build-using-namespace)

namespace {

nvmlReturn_t create(const char* function,
                    nvmlDevice_t device,
                    unsigned profile_id,
                    std::optional<Placement> at,
                    nvmlGpuInstance_t* instance) {
  return change_device(function, device, [&](GpuRef gpu) -> int {
    if (instance == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (gpu.self().mig_current == 0) {
      return NVML_ERROR_NOT_SUPPORTED;
    }
    // As nvidia-smi mig -cgi 1 on a board without that profile: "Invalid Argument".
    const GiProfile* profile = find_gi_profile_by_id(gpu.board(), profile_id);
    if (profile == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    std::uint32_t id = 0;
    const int code = create_gi(gpu, *profile, at, id);
    if (code == NVML_SUCCESS) {
      *instance = gi_handle(gpu, id);
    }
    return code;
  });
}

// Runs a query that needs the right to see instances. With MIG off the list is empty, without an
// error: H200, 580.159.04.
template <class Body>
nvmlReturn_t read_instances(const char* function, nvmlDevice_t device, Body&& body) {
  return read_gpu(
      function,
      device,
      [&](const Subject& s) {
        if (!is_admin(s.machine)) {
          return NVML_ERROR_NO_PERMISSION;
        }
        return can_mig(s.board(), s.self()) ? body(s) : NVML_ERROR_NOT_SUPPORTED;
      },
      NVML_ERROR_INVALID_ARGUMENT);
}

}  // namespace

namespace migsim::exports {

nvmlGpuInstance_t gi_handle(const GpuView& gpu, std::uint32_t id) {
  return gpu_instances().handle_of<nvmlGpuInstance_t>(
      GiRef{gpu.gpu, id, gpu.self().gis[id].serial});
}

}  // namespace migsim::exports

extern "C" {

nvmlReturn_t nvmlDeviceCreateGpuInstance(nvmlDevice_t device,
                                         unsigned profile_id,
                                         nvmlGpuInstance_t* instance) {
  return create(__func__, device, profile_id, std::nullopt, instance);
}

nvmlReturn_t nvmlDeviceCreateGpuInstanceWithPlacement(nvmlDevice_t device,
                                                      unsigned profile_id,
                                                      const nvmlGpuInstancePlacement_t* placement,
                                                      nvmlGpuInstance_t* instance) {
  if (placement == nullptr) {
    return current_machine() ? NVML_ERROR_INVALID_ARGUMENT : NVML_ERROR_UNINITIALIZED;
  }
  return create(
      __func__, device, profile_id, Placement{placement->start, placement->size}, instance);
}

nvmlReturn_t nvmlGpuInstanceDestroy(nvmlGpuInstance_t instance) {
  const GiRef* found = gpu_instances().find(instance);
  const OpenNodes open = found != nullptr ? nodes_in_the_way(found->gpu, found->gi) : OpenNodes{};
  return change_gi(__func__, instance, [&](GpuRef gpu, const GiRef& ref) {
    return destroy_gi(gpu, ref.gi, open.gpu_instance(gpu.self().minor, ref.gi));
  });
}

nvmlReturn_t nvmlDeviceGetGpuInstances(nvmlDevice_t device,
                                       unsigned profile_id,
                                       nvmlGpuInstance_t* instances,
                                       unsigned* count) {
  return read_instances(__func__, device, [&](const Subject& s) {
    if (instances == nullptr || count == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    const GiProfile* profile = find_gi_profile_by_id(s.board(), profile_id);
    if (profile == nullptr) {
      const nvmlReturn_t why = why_not_on_board(profile_id);
      return why == NVML_ERROR_NOT_SUPPORTED ? put(0U, count) : why;
    }
    unsigned found = 0;
    for (std::uint32_t id = 0; id < kMaxGis; ++id) {
      const GiState& gi = s.self().gis[id];
      if (gi.used != 0 && &s.board().gi_profiles[gi.profile_index] == profile) {
        instances[found++] = gi_handle(s.gpu, id);
      }
    }
    return put(found, count);
  });
}

nvmlReturn_t nvmlDeviceGetGpuInstanceById(nvmlDevice_t device,
                                          unsigned id,
                                          nvmlGpuInstance_t* instance) {
  return read_instances(__func__, device, [&](const Subject& s) {
    if (instance == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    return id < kMaxGis && s.self().gis[id].used != 0 ? put(gi_handle(s.gpu, id), instance)
                                                      : NVML_ERROR_NOT_FOUND;
  });
}

nvmlReturn_t nvmlGpuInstanceGetInfo(nvmlGpuInstance_t instance, nvmlGpuInstanceInfo_t* info) {
  return read_gi(__func__, instance, [&](const GiSubject& s) {
    if (info == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    info->device = gpu_handle(s.ref.gpu);
    info->id = s.ref.gi;
    info->profileId = s.profile().id;
    info->placement = {s.gi().placement.start, s.gi().placement.size};
    return NVML_SUCCESS;
  });
}

}  // extern "C"
