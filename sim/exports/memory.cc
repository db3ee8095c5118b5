// SPDX-License-Identifier: Apache-2.0
// Device memory and BAR1, of a GPU or of a MIG device.
#include <stdlib.h>

#include "sim/exports/answer.h"
#include "sim/exports/dispatch.h"

using namespace migsim;           // NOLINT(google-build-using-namespace)
using namespace migsim::exports;  // NOLINT(google-build-using-namespace)

namespace {

constexpr std::uint64_t kMib = UINT64_C(1) << 20;

// Memory figures of the whole GPU need the right to see all of its instances.
bool may_see_all(const Subject& s) {
  return s.is_mig() || !s.mig_on() || is_admin(s.machine);
}

template <class Give>
nvmlReturn_t read_memory(const char* function, nvmlDevice_t device, Give&& give) {
  return read_device(function, device, [&](const Subject& s) {
    if (!may_see_all(s)) {
      return NVML_ERROR_NO_PERMISSION;
    }
    const auto use = memory_use(s.hardware(), s.state(), s.ref.gpu, s.ref.gi);
    if (!use) {
      return NVML_ERROR_NOT_SUPPORTED;
    }
    give(*use);
    return NVML_SUCCESS;
  });
}

bool has_instances(const GpuState& gpu) {
  for (const GiState& gi : gpu.gis) {
    if (gi.used != 0) {
      return true;
    }
  }
  return false;
}

constexpr unsigned long kLastOfTheWhole = 570;

unsigned long driver_branch(const Subject& s) {
  return ::strtoul(s.state().options.driver_version, nullptr, 10);
}

// BAR1 of an instance. Up to R570: the share of the whole, less 1 MiB (A30, A100, H100 PCIe). From
// R580 on all instances share the board file's figure or, without one, about what remains after the
// GPU's memory (within 0.7 % of the known figures).
std::uint64_t bar1_of_instance(const Subject& s) {
  const Board& board = s.board();
  const GiState& gi = s.gi();
  const auto whole = static_cast<std::uint64_t>(board.bar1_bytes);
  const auto memory = static_cast<std::uint64_t>(board.memory_total_bytes);
  if (driver_branch(s) <= kLastOfTheWhole || memory >= whole) {
    return whole * gi.placement.size / board.memory_slices - kMib;
  }
  const std::uint64_t shared = board.bar1_mig_bytes != kUnknown
                                   ? static_cast<std::uint64_t>(board.bar1_mig_bytes)
                                   : whole - memory;
  return shared * gi.placement.size / board.memory_slices / kMib * kMib;
}

nvmlReturn_t give_bar1(const Subject& s, nvmlBAR1Memory_t& out) {
  const Board& board = s.board();
  if (board.bar1_bytes == kUnknown || board.memory_total_bytes == kUnknown) {
    return NVML_ERROR_NOT_SUPPORTED;
  }
  auto total = static_cast<std::uint64_t>(board.bar1_bytes);
  std::uint64_t used = kMib;  // H200, MIG off, idle
  if (s.is_mig()) {
    total = bar1_of_instance(s);
    used = 0;
  } else if (has_instances(s.self()) && driver_branch(s) > kLastOfTheWhole) {
    // From R580 on the GPU's memory stays mapped while instances exist: 143157 of 262144 MiB on an
    // H200 with R590; an A100 with R535 and four instances still shows 1 MiB.
    const std::int64_t reserved =
        board.memory_reserved_bytes == kUnknown ? 0 : board.memory_reserved_bytes;
    const auto mapped = static_cast<std::uint64_t>(board.memory_total_bytes - reserved);
    used = mapped < total ? mapped : total;
  }
  out = {total, total - used, used};
  return NVML_SUCCESS;
}

}  // namespace

extern "C" {

// The v1 struct counts the driver's reserved memory as used, the v2 struct has a field for it.
nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t* memory) {
  if (memory == nullptr) {
    return current_machine() ? NVML_ERROR_INVALID_ARGUMENT : NVML_ERROR_UNINITIALIZED;
  }
  return read_memory(__func__, device, [&](const MemoryUse& use) {
    const std::uint64_t taken = use.reserved + use.used;
    *memory = {use.total, use.total - taken, taken};
  });
}

nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t* memory) {
  if (memory == nullptr) {
    return current_machine() ? NVML_ERROR_INVALID_ARGUMENT : NVML_ERROR_UNINITIALIZED;
  }
  if (memory->version != nvmlMemory_v2) {
    return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
  }
  return read_memory(__func__, device, [&](const MemoryUse& use) {
    memory->total = use.total;
    memory->reserved = use.reserved;
    memory->free = use.total - use.reserved - use.used;
    memory->used = use.used;
  });
}

nvmlReturn_t nvmlDeviceGetBAR1MemoryInfo(nvmlDevice_t device, nvmlBAR1Memory_t* memory) {
  return read_device(__func__, device, [&](const Subject& s) {
    if (memory == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    return may_see_all(s) ? give_bar1(s, *memory) : NVML_ERROR_NO_PERMISSION;
  });
}

}  // extern "C"
