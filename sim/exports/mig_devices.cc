// SPDX-License-Identifier: Apache-2.0
// MIG mode, and MIG devices: lookup and parents.
#include "sim/exports/answer.h"
#include "sim/exports/dispatch.h"
#include "sim/exports/profiles.h"

using namespace migsim;           // NOLINT(google-build-using-namespace)
using namespace migsim::exports;  // NOLINT(google-build-using-namespace)

namespace {

// H200: asking a GPU for the ids of a MIG device is INVALID_ARGUMENT.
nvmlReturn_t give_id(const char* function,
                     nvmlDevice_t device,
                     std::uint32_t DeviceRef::*which,
                     unsigned* id) {
  return read_device(function, device, [&](const Subject& s) {
    return s.is_mig() ? put(s.ref.*which, id) : NVML_ERROR_INVALID_ARGUMENT;
  });
}

}  // namespace

extern "C" {

nvmlReturn_t nvmlDeviceSetMigMode(nvmlDevice_t device, unsigned mode, nvmlReturn_t* activation) {
  const DeviceRef* ref = devices().find(device);
  const OpenNodes open = ref != nullptr ? nodes_in_the_way(ref->gpu) : OpenNodes{};
  return change_device(__func__, device, [&](GpuRef gpu) -> int {
    if (activation == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    int second = NVML_SUCCESS;
    const int code = set_mig_mode(gpu, mode, second, open.gpu(gpu.gpu));
    *activation = static_cast<nvmlReturn_t>(second);
    return code;
  });
}

nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t device, unsigned* current, unsigned* pending) {
  return read_gpu(
      __func__,
      device,
      [&](const Subject& s) {
        if (current == nullptr || pending == nullptr) {
          return NVML_ERROR_INVALID_ARGUMENT;
        }
        if (!can_mig(s.board(), s.self())) {
          return NVML_ERROR_NOT_SUPPORTED;
        }
        *current = s.self().mig_current;
        return put(s.self().mig_pending, pending);
      },
      NVML_ERROR_INVALID_ARGUMENT);
}

nvmlReturn_t nvmlDeviceGetMaxMigDeviceCount(nvmlDevice_t device, unsigned* count) {
  return read_gpu(
      __func__,
      device,
      [&](const Subject& s) { return put(max_mig_devices(s.gpu), count); },
      NVML_ERROR_INVALID_ARGUMENT);
}

nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t device,
                                                 unsigned index,
                                                 nvmlDevice_t* mig_device) {
  return read_gpu(
      __func__,
      device,
      [&](const Subject& s) {
        std::uint32_t gi = 0;
        std::uint32_t ci = 0;
        if (mig_device == nullptr) {
          return NVML_ERROR_INVALID_ARGUMENT;
        }
        return mig_device_at(s.self(), index, gi, ci)
                   ? put(mig_handle(s.ref.gpu, gi, ci, s.state()), mig_device)
                   : NVML_ERROR_NOT_FOUND;
      },
      NVML_ERROR_INVALID_ARGUMENT);
}

nvmlReturn_t nvmlDeviceGetDeviceHandleFromMigDeviceHandle(nvmlDevice_t mig_device,
                                                          nvmlDevice_t* device) {
  return read_device(__func__, mig_device, [&](const Subject& s) {
    return s.is_mig() ? put(gpu_handle(s.ref.gpu), device) : NVML_ERROR_INVALID_ARGUMENT;
  });
}

nvmlReturn_t nvmlDeviceIsMigDeviceHandle(nvmlDevice_t device, unsigned* is_mig) {
  return read_device(
      __func__, device, [&](const Subject& s) { return put(s.is_mig() ? 1U : 0U, is_mig); });
}

nvmlReturn_t nvmlDeviceGetGpuInstanceId(nvmlDevice_t mig_device, unsigned* id) {
  return give_id(__func__, mig_device, &DeviceRef::gi, id);
}

nvmlReturn_t nvmlDeviceGetComputeInstanceId(nvmlDevice_t mig_device, unsigned* id) {
  return give_id(__func__, mig_device, &DeviceRef::ci, id);
}

}  // extern "C"
