// SPDX-License-Identifier: Apache-2.0
// Spare rows, chip-to-chip links and the identity in the package, as an H200 (580.159.04) tells
// them of a sound board.
#include <algorithm>
#include <iterator>

#include "sim/exports/answer.h"
#include "sim/exports/dispatch.h"

using namespace migsim;           // NOLINT(google-build-using-namespace)
using namespace migsim::exports;  // NOLINT(google-build-using-namespace)

namespace {

// Inferred from readings: 3,072 banks on an H200's six memory stacks, 2,560 on an H100's five, 640
// on an A100's five. A stack is 1,024 bits wide, some of them not all in use.
std::int64_t banks(const Board& board) {
  if (board.memory_bus_bits == kUnknown) {
    return kUnknown;
  }
  const std::int64_t stacks = (board.memory_bus_bits + 1023) / 1024;
  switch (board.architecture) {
    case Architecture::kAmpere:
      return 128 * stacks;
    case Architecture::kHopper:
      return 512 * stacks;
    default:
      return kUnknown;
  }
}

// FNV-1a, so that the identity is the GPU's own and stays the same.
std::uint64_t identity_of(const char* uuid) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (; *uuid != '\0'; ++uuid) {
    hash = (hash ^ static_cast<unsigned char>(*uuid)) * 1099511628211ULL;
  }
  return hash;
}

}  // namespace

extern "C" {

nvmlReturn_t nvmlDeviceGetRowRemapperHistogram(nvmlDevice_t device,
                                               nvmlRowRemapperHistogramValues_t* values) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    const std::int64_t count = banks(s.board());
    if (values == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (count == kUnknown) {
      return NVML_ERROR_NOT_SUPPORTED;
    }
    return put(nvmlRowRemapperHistogramValues_t{static_cast<unsigned>(count), 0, 0, 0, 0}, values);
  });
}

// As the first version (ecc.cc), not told while there are instances.
nvmlReturn_t nvmlDeviceGetRemappedRows_v2(nvmlDevice_t device, nvmlRemappedRowsInfo_v2_t* rows) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    const auto used = [](const GiState& gi) { return gi.used != 0; };
    if (std::any_of(std::begin(s.self().gis), std::end(s.self().gis), used)) {
      return rows == nullptr ? NVML_ERROR_INVALID_ARGUMENT : NVML_ERROR_NOT_SUPPORTED;
    }
    return put(nvmlRemappedRowsInfo_v2_t{}, rows);
  });
}

nvmlReturn_t nvmlDeviceGetUnrepairableMemoryFlag_v1(nvmlDevice_t device,
                                                    nvmlUnrepairableMemoryStatus_v1_t* status) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    return s.self().ecc_enabled != 0 ? put(nvmlUnrepairableMemoryStatus_v1_t{}, status)
                                     : NVML_ERROR_NOT_SUPPORTED;
  });
}

// None of the boards sits on a module with a CPU.
nvmlReturn_t nvmlDeviceGetC2cModeInfoV(nvmlDevice_t device, nvmlC2cModeInfo_v1_t* info) {
  return read_gpu(
      __func__, device, [&](const Subject&) { return put(nvmlC2cModeInfo_v1_t{}, info); });
}

nvmlReturn_t nvmlDeviceGetPdi(nvmlDevice_t device, nvmlPdi_v1_t* pdi) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    if (pdi == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (pdi->version != nvmlPdi_v1) {
      return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    return put(identity_of(s.self().uuid), &pdi->value);
  });
}

}  // extern "C"
