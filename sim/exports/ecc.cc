// SPDX-License-Identifier: Apache-2.0
// ECC errors. The machine keeps one pair of counters per GPU (DRAM errors since power-on); a
// simulated GPU has no earlier history, so the aggregate counters are equal.
#include <algorithm>
#include <iterator>

#include "sim/exports/answer.h"
#include "sim/exports/dispatch.h"

using namespace migsim;           // NOLINT(google-build-using-namespace)
using namespace migsim::exports;  // NOLINT(google-build-using-namespace)

namespace {

bool valid(nvmlMemoryErrorType_t type, nvmlEccCounterType_t counter) {
  return type >= 0 && type < NVML_MEMORY_ERROR_TYPE_COUNT && counter >= 0 &&
         counter < NVML_ECC_COUNTER_TYPE_COUNT;
}

std::uint64_t errors_of(const GpuState& gpu, nvmlMemoryErrorType_t type) {
  return type == NVML_MEMORY_ERROR_TYPE_CORRECTED ? gpu.ecc_corrected : gpu.ecc_uncorrected;
}

nvmlReturn_t check(const Subject& s,
                   nvmlMemoryErrorType_t type,
                   nvmlEccCounterType_t counter,
                   const void* out) {
  if (out == nullptr || !valid(type, counter)) {
    return NVML_ERROR_INVALID_ARGUMENT;
  }
  return s.self().ecc_enabled != 0 ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
}

bool has_instances(const GpuState& gpu) {
  return std::any_of(
      std::begin(gpu.gis), std::end(gpu.gis), [](const GiState& gi) { return gi.used != 0; });
}

}  // namespace

extern "C" {

nvmlReturn_t nvmlDeviceGetTotalEccErrors(nvmlDevice_t device,
                                         nvmlMemoryErrorType_t type,
                                         nvmlEccCounterType_t counter,
                                         unsigned long long* count) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    const nvmlReturn_t code = check(s, type, counter, count);
    return code == NVML_SUCCESS ? put(errors_of(s.self(), type), count) : code;
  });
}

// A MIG device answers too (the simulator attributes no errors to an instance: SRAM only, none).
nvmlReturn_t nvmlDeviceGetMemoryErrorCounter(nvmlDevice_t device,
                                             nvmlMemoryErrorType_t type,
                                             nvmlEccCounterType_t counter,
                                             nvmlMemoryLocation_t where,
                                             unsigned long long* count) {
  return read_device(__func__, device, [&](const Subject& s) {
    const nvmlReturn_t code = check(s, type, counter, count);
    if (code != NVML_SUCCESS) {
      return code;
    }
    if (where < 0 || where >= NVML_MEMORY_LOCATION_COUNT) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (where == NVML_MEMORY_LOCATION_DRAM && !s.is_mig()) {
      return put(errors_of(s.self(), type), count);
    }
    return where == NVML_MEMORY_LOCATION_SRAM ? put(0U, count) : NVML_ERROR_NOT_SUPPORTED;
  });
}

nvmlReturn_t nvmlDeviceGetSramEccErrorStatus(nvmlDevice_t device,
                                             nvmlEccSramErrorStatus_v1_t* status) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    if (status == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (status->version != nvmlEccSramErrorStatus_v1) {
      return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    if (s.self().ecc_enabled == 0) {
      return NVML_ERROR_NOT_SUPPORTED;
    }
    *status = {};
    status->version = nvmlEccSramErrorStatus_v1;
    return NVML_SUCCESS;
  });
}

nvmlReturn_t nvmlDeviceClearEccErrorCounts(nvmlDevice_t device, nvmlEccCounterType_t counter) {
  return change_device(__func__, device, [&](GpuRef gpu) {
    if (counter != NVML_VOLATILE_ECC && counter != NVML_AGGREGATE_ECC) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (gpu.self().mig_current != 0 || gpu.self().ecc_enabled == 0) {
      return NVML_ERROR_NOT_SUPPORTED;  // nvidia-smi 580 prints a message of its own for this code
    }
    gpu.self().ecc_corrected = 0;
    gpu.self().ecc_uncorrected = 0;
    return NVML_SUCCESS;
  });
}

// Rows that are pending or failed are injected; none is ever remapped. NOT_SUPPORTED while
// instances exist.
nvmlReturn_t nvmlDeviceGetRemappedRows(nvmlDevice_t device,
                                       unsigned* corrected,
                                       unsigned* uncorrected,
                                       unsigned* pending,
                                       unsigned* failed) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    if (corrected == nullptr || uncorrected == nullptr || pending == nullptr || failed == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    *corrected = *uncorrected = 0;
    *pending = s.self().remap_pending;
    *failed = s.self().remap_failed;
    return has_instances(s.self()) ? NVML_ERROR_NOT_SUPPORTED : NVML_SUCCESS;
  });
}

nvmlReturn_t nvmlDeviceGetRemappedRows_v2(nvmlDevice_t device, nvmlRemappedRowsInfo_v2_t* rows) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    if (rows == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    *rows = {};
    rows->bPending = s.self().remap_pending;
    rows->bFailureOccurred = s.self().remap_failed;
    return has_instances(s.self()) ? NVML_ERROR_NOT_SUPPORTED : NVML_SUCCESS;
  });
}

nvmlReturn_t nvmlDeviceGetRepairStatus(nvmlDevice_t device, nvmlRepairStatus_v1_t* status) {
  return read_gpu(__func__, device, [&](const Subject&) {
    if (status == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (status->version != nvmlRepairStatus_v1) {
      return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    status->bChannelRepairPending = 0;
    status->bTpcRepairPending = 0;
    return NVML_SUCCESS;
  });
}

}  // extern "C"
