// SPDX-License-Identifier: Apache-2.0
// InfoROM (the maker's record on the board), and wear of the memory: none on a simulated GPU.
// Codes: H200, 580.159.04.
#include "sim/exports/answer.h"
#include "sim/exports/dispatch.h"

using namespace migsim;           // NOLINT(google-build-using-namespace)
using namespace migsim::exports;  // NOLINT(google-build-using-namespace)

extern "C" {

// An H200 has no power management object in its InfoROM.
nvmlReturn_t nvmlDeviceGetInforomVersion(nvmlDevice_t device,
                                         nvmlInforomObject_t object,
                                         char* version,
                                         unsigned size) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    switch (object) {
      case NVML_INFOROM_OEM:
        return put_text(s.board().inforom_oem, version, size);
      case NVML_INFOROM_ECC:
        return put_text(s.board().inforom_ecc, version, size);
      case NVML_INFOROM_POWER:
      case NVML_INFOROM_DEN:
        return NVML_ERROR_NOT_SUPPORTED;
      default:
        return NVML_ERROR_INVALID_ARGUMENT;
    }
  });
}

nvmlReturn_t nvmlDeviceGetInforomImageVersion(nvmlDevice_t device, char* version, unsigned size) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    return put_text(s.board().inforom_image, version, size);
  });
}

nvmlReturn_t nvmlDeviceValidateInforom(nvmlDevice_t device) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    return s.board().inforom_image[0] != '\0' ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
  });
}

// Reported while instances exist too, unlike the remapped rows (H200 with MIG on, 590.48.01).
nvmlReturn_t nvmlDeviceGetRowRemapperHistogram(nvmlDevice_t device,
                                               nvmlRowRemapperHistogramValues_t* values) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    if (values == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    *values = {};
    return put_figure(s.board().remap_banks, &values->max);
  });
}

nvmlReturn_t nvmlDeviceGetUnrepairableMemoryFlag_v1(nvmlDevice_t device,
                                                    nvmlUnrepairableMemoryStatus_v1_t* status) {
  return read_gpu(__func__, device, [&](const Subject&) {
    return status == nullptr ? NVML_ERROR_INVALID_ARGUMENT : put(0U, &status->bUnrepairableMemory);
  });
}

// A simulated GPU counts DRAM errors only.
nvmlReturn_t nvmlDeviceGetDetailedEccErrors(nvmlDevice_t device,
                                            nvmlMemoryErrorType_t type,
                                            nvmlEccCounterType_t counter,
                                            nvmlEccErrorCounts_t* counts) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    if (counts == nullptr || type < 0 || type >= NVML_MEMORY_ERROR_TYPE_COUNT || counter < 0 ||
        counter >= NVML_ECC_COUNTER_TYPE_COUNT) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (s.self().ecc_enabled == 0) {
      return NVML_ERROR_NOT_SUPPORTED;
    }
    *counts = {};
    counts->deviceMemory = type == NVML_MEMORY_ERROR_TYPE_CORRECTED ? s.self().ecc_corrected
                                                                    : s.self().ecc_uncorrected;
    return NVML_SUCCESS;
  });
}

}  // extern "C"
