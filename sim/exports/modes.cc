// SPDX-License-Identifier: Apache-2.0
// Modes of a GPU other than MIG mode.
#include "sim/exports/answer.h"
#include "sim/exports/dispatch.h"
#include "sim/machine/services.h"

using namespace migsim;           // NOLINT(google-build-using-namespace)
using namespace migsim::exports;  // NOLINT(google-build-using-namespace)

namespace {

bool is_state(nvmlEnableState_t state) {
  return state == NVML_FEATURE_DISABLED || state == NVML_FEATURE_ENABLED;
}

}  // namespace

extern "C" {

nvmlReturn_t nvmlDeviceGetPersistenceMode(nvmlDevice_t device, nvmlEnableState_t* mode) {
  return read_gpu(
      __func__, device, [&](const Subject& s) { return put(s.self().persistence, mode); });
}

nvmlReturn_t nvmlDeviceSetPersistenceMode(nvmlDevice_t device, nvmlEnableState_t mode) {
  return change_device(__func__, device, [&](GpuRef gpu) {
    if (!is_state(mode)) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    gpu.self().persistence = mode;
    return NVML_SUCCESS;
  });
}

nvmlReturn_t nvmlDeviceGetComputeMode(nvmlDevice_t device, nvmlComputeMode_t* mode) {
  return read_gpu(
      __func__, device, [&](const Subject& s) { return put(s.self().compute_mode, mode); });
}

// In MIG mode the compute mode is DEFAULT and cannot be changed.
nvmlReturn_t nvmlDeviceSetComputeMode(nvmlDevice_t device, nvmlComputeMode_t mode) {
  return change_device(__func__, device, [&](GpuRef gpu) {
    if (mode != NVML_COMPUTEMODE_DEFAULT && mode != NVML_COMPUTEMODE_PROHIBITED &&
        mode != NVML_COMPUTEMODE_EXCLUSIVE_PROCESS) {
      return mode == NVML_COMPUTEMODE_EXCLUSIVE_THREAD ? NVML_ERROR_NOT_SUPPORTED
                                                       : NVML_ERROR_INVALID_ARGUMENT;
    }
    if (gpu.self().mig_current != 0) {
      return NVML_ERROR_NOT_SUPPORTED;
    }
    gpu.self().compute_mode = mode;
    return NVML_SUCCESS;
  });
}

// H200, 580.159.04: "Requested functionality has been deprecated".
nvmlReturn_t nvmlDeviceGetDisplayMode(nvmlDevice_t device, nvmlEnableState_t* mode) {
  return read_gpu(__func__, device, [&](const Subject&) {
    return mode == nullptr ? NVML_ERROR_INVALID_ARGUMENT : NVML_ERROR_DEPRECATED;
  });
}

nvmlReturn_t nvmlDeviceGetDisplayActive(nvmlDevice_t device, nvmlEnableState_t* active) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    return put(display_active(s.board(), s.state(), s.gpu.gpu) ? NVML_FEATURE_ENABLED
                                                               : NVML_FEATURE_DISABLED,
               active);
  });
}

nvmlReturn_t nvmlDeviceGetAPIRestriction(nvmlDevice_t device,
                                         nvmlRestrictedAPI_t api,
                                         nvmlEnableState_t* restricted) {
  return read_gpu(__func__, device, [&](const Subject&) {
    if (api == NVML_RESTRICTED_API_SET_AUTO_BOOSTED_CLOCKS && restricted != nullptr) {
      return NVML_ERROR_NOT_SUPPORTED;
    }
    return api == NVML_RESTRICTED_API_SET_APPLICATION_CLOCKS ? put(NVML_FEATURE_ENABLED, restricted)
                                                             : NVML_ERROR_INVALID_ARGUMENT;
  });
}

nvmlReturn_t nvmlDeviceGetEccMode(nvmlDevice_t device,
                                  nvmlEnableState_t* current,
                                  nvmlEnableState_t* pending) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    if (current == nullptr || pending == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    *current = s.self().ecc_enabled != 0 ? NVML_FEATURE_ENABLED : NVML_FEATURE_DISABLED;
    return put(s.self().ecc_pending, pending);
  });
}

// A new ECC mode is pending until the GPU is reset or the machine rebooted.
nvmlReturn_t nvmlDeviceSetEccMode(nvmlDevice_t device, nvmlEnableState_t mode) {
  return change_device(__func__, device, [&](GpuRef gpu) {
    if (!is_state(mode)) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    gpu.self().ecc_pending = mode;
    return NVML_SUCCESS;
  });
}

nvmlReturn_t nvmlDeviceGetDefaultEccMode(nvmlDevice_t device, nvmlEnableState_t* mode) {
  return read_gpu(
      __func__, device, [&](const Subject&) { return put(NVML_FEATURE_ENABLED, mode); });
}

}  // extern "C"
