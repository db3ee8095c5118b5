// SPDX-License-Identifier: Apache-2.0
// Calls on a GPU instance handle: dispatch.h for its handle type.
#ifndef MIGCTL_SIM_EXPORTS_INSTANCES_H_
#define MIGCTL_SIM_EXPORTS_INSTANCES_H_

#include "sim/exports/dispatch.h"

namespace migsim::exports {

nvmlGpuInstance_t gi_handle(const GpuView& gpu, std::uint32_t id);

struct GiSubject {
  Machine& machine;
  GpuView gpu;
  GiRef ref;

  const GiState& gi() const { return gpu.self().gis[ref.gi]; }

  const GiProfile& profile() const { return gpu.board().gi_profiles[gi().profile_index]; }
};

// Runs a query about a GPU instance. Body: nvmlReturn_t(const GiSubject&), under the lock.
template <class Body>
nvmlReturn_t read_gi(const char* function, nvmlGpuInstance_t instance, Body&& body) {
  if (!current_machine()) {
    return NVML_ERROR_UNINITIALIZED;
  }
  const GiRef* ref = gpu_instances().find(instance);
  if (ref == nullptr) {
    return NVML_ERROR_INVALID_ARGUMENT;
  }
  return call(function, ref->gpu, [&](Machine& machine) {
    const Machine::View view(machine);
    const GpuView gpu{machine.hardware(), *view, ref->gpu};
    if (gpu.self().lost != 0) {
      return NVML_ERROR_GPU_IS_LOST;
    }
    return alive(gpu.self(), *ref) ? body(GiSubject{machine, gpu, *ref})
                                   : NVML_ERROR_INVALID_ARGUMENT;
  });
}

// As read_gi, for callers who may change the machine only.
template <class Body>
nvmlReturn_t read_gi_as_admin(const char* function, nvmlGpuInstance_t instance, Body&& body) {
  return read_gi(function, instance, [&](const GiSubject& s) {
    return is_admin(s.machine) ? body(s) : NVML_ERROR_NO_PERMISSION;
  });
}

// Runs a change of a GPU instance as a transaction. Body: int(GpuRef, const GiRef&).
template <class Body>
nvmlReturn_t change_gi(const char* function, nvmlGpuInstance_t instance, Body&& body) {
  if (!current_machine()) {
    return NVML_ERROR_UNINITIALIZED;
  }
  const GiRef* ref = gpu_instances().find(instance);
  if (ref == nullptr) {
    return NVML_ERROR_INVALID_ARGUMENT;
  }
  return change_gpu(function, ref->gpu, [&](GpuRef gpu) -> int {
    return alive(gpu.self(), *ref) ? body(gpu, *ref) : NVML_ERROR_INVALID_ARGUMENT;
  });
}

}  // namespace migsim::exports

#endif  // MIGCTL_SIM_EXPORTS_INSTANCES_H_
