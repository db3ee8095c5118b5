// SPDX-License-Identifier: Apache-2.0
// Power limits and clocks that users set (rules: sim/machine/settings.h), and their supported
// ranges.
#include "sim/machine/settings.h"

#include <algorithm>
#include <vector>

#include "sim/exports/answer.h"
#include "sim/exports/dispatch.h"

using namespace migsim;           // NOLINT(google-build-using-namespace)
using namespace migsim::exports;  // NOLINT(google-build-using-namespace)

namespace {

// Settles energy and counters before a setting changes the sensors, so the past keeps its figures.
template <class Body>
nvmlReturn_t change_setting(const char* function, nvmlDevice_t device, Body&& body) {
  return change_device(function, device, [&](GpuRef gpu) {
    settle(gpu.hardware, gpu.state, gpu.gpu, now_ns());
    return static_cast<nvmlReturn_t>(body(gpu));
  });
}

// Boards without lockable clocks refuse an unlock too.
nvmlReturn_t has_clocks(GpuRef gpu) {
  const std::vector<std::uint32_t> memory = memory_clocks_mhz(gpu.board());
  return memory.empty() || sm_clocks_mhz(gpu.board(), memory.front()).empty()
             ? NVML_ERROR_NOT_SUPPORTED
             : NVML_SUCCESS;
}

nvmlReturn_t put_clocks(const std::vector<std::uint32_t>& clocks, unsigned* count, unsigned* mhz) {
  if (clocks.empty()) {
    return NVML_ERROR_NOT_SUPPORTED;
  }
  const unsigned room = mhz == nullptr ? 0 : *count;
  *count = static_cast<unsigned>(clocks.size());
  if (room < clocks.size()) {
    return NVML_ERROR_INSUFFICIENT_SIZE;
  }
  std::copy(clocks.begin(), clocks.end(), mhz);
  return NVML_SUCCESS;
}

}  // namespace

extern "C" {

nvmlReturn_t nvmlDeviceSetPowerManagementLimit(nvmlDevice_t device, unsigned mw) {
  return change_setting(__func__, device, [&](GpuRef gpu) { return set_power_limit(gpu, mw); });
}

nvmlReturn_t nvmlDeviceSetPowerManagementLimit_v2(nvmlDevice_t device, nvmlPowerValue_v2_t* value) {
  return change_setting(__func__, device, [&](GpuRef gpu) -> int {
    if (value == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (value->version != nvmlPowerValue_v2) {
      return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    return value->powerScope == NVML_POWER_SCOPE_GPU ? set_power_limit(gpu, value->powerValueMw)
                                                     : NVML_ERROR_NOT_SUPPORTED;
  });
}

nvmlReturn_t nvmlDeviceSetGpuLockedClocks(nvmlDevice_t device, unsigned min_mhz, unsigned max_mhz) {
  return change_setting(
      __func__, device, [&](GpuRef gpu) { return lock_sm_clocks(gpu, min_mhz, max_mhz); });
}

nvmlReturn_t nvmlDeviceResetGpuLockedClocks(nvmlDevice_t device) {
  return change_setting(__func__, device, [](GpuRef gpu) {
    gpu.self().settings.sm_lock_min_mhz = gpu.self().settings.sm_lock_max_mhz = 0;
    return has_clocks(gpu);
  });
}

nvmlReturn_t nvmlDeviceSetMemoryLockedClocks(nvmlDevice_t device,
                                             unsigned min_mhz,
                                             unsigned max_mhz) {
  return change_setting(
      __func__, device, [&](GpuRef gpu) { return lock_memory_clocks(gpu, min_mhz, max_mhz); });
}

nvmlReturn_t nvmlDeviceResetMemoryLockedClocks(nvmlDevice_t device) {
  return change_setting(__func__, device, [](GpuRef gpu) {
    gpu.self().settings.mem_lock_min_mhz = gpu.self().settings.mem_lock_max_mhz = 0;
    return memory_clocks_mhz(gpu.board()).empty() ? NVML_ERROR_NOT_SUPPORTED : NVML_SUCCESS;
  });
}

nvmlReturn_t nvmlDeviceSetApplicationsClocks(nvmlDevice_t device,
                                             unsigned memory_mhz,
                                             unsigned graphics_mhz) {
  return change_setting(__func__, device, [&](GpuRef gpu) {
    return set_application_clocks(gpu, memory_mhz, graphics_mhz);
  });
}

nvmlReturn_t nvmlDeviceResetApplicationsClocks(nvmlDevice_t device) {
  return change_setting(__func__, device, [](GpuRef gpu) {
    gpu.self().settings.application_mem_mhz = gpu.self().settings.application_sm_mhz = 0;
    return has_clocks(gpu);
  });
}

nvmlReturn_t nvmlDeviceGetSupportedMemoryClocks(nvmlDevice_t device,
                                                unsigned* count,
                                                unsigned* mhz) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    return count == nullptr ? NVML_ERROR_INVALID_ARGUMENT
                            : put_clocks(memory_clocks_mhz(s.board()), count, mhz);
  });
}

// H200: a memory clock that is not listed is NOT_FOUND.
nvmlReturn_t nvmlDeviceGetSupportedGraphicsClocks(nvmlDevice_t device,
                                                  unsigned memory_mhz,
                                                  unsigned* count,
                                                  unsigned* mhz) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    if (count == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    const std::vector<std::uint32_t> memory = memory_clocks_mhz(s.board());
    if (memory.empty() || sm_clocks_mhz(s.board(), memory.front()).empty()) {
      return NVML_ERROR_NOT_SUPPORTED;
    }
    const std::vector<std::uint32_t> clocks = sm_clocks_mhz(s.board(), memory_mhz);
    return clocks.empty() ? NVML_ERROR_NOT_FOUND : put_clocks(clocks, count, mhz);
  });
}

// H200: P0 and P2, one for each memory clock; for any other memory clock UNKNOWN.
nvmlReturn_t nvmlDeviceGetSupportedPerformanceStates(nvmlDevice_t device,
                                                     nvmlPstates_t* states,
                                                     unsigned bytes) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    const std::size_t count = memory_clocks_mhz(s.board()).size();
    const std::size_t room = bytes / sizeof *states;
    if (states == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (count == 0) {
      return NVML_ERROR_NOT_SUPPORTED;
    }
    if (room < count) {
      return NVML_ERROR_INSUFFICIENT_SIZE;
    }
    std::fill(states, states + room, NVML_PSTATE_UNKNOWN);
    states[0] = NVML_PSTATE_0;
    if (count > 1) {
      states[1] = NVML_PSTATE_2;
    }
    return NVML_SUCCESS;
  });
}

nvmlReturn_t nvmlDeviceGetMinMaxClockOfPState(nvmlDevice_t device,
                                              nvmlClockType_t type,
                                              nvmlPstates_t state,
                                              unsigned* min_mhz,
                                              unsigned* max_mhz) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    if (min_mhz == nullptr || max_mhz == nullptr || type < 0 || type >= NVML_CLOCK_COUNT) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    const std::vector<std::uint32_t> memory = memory_clocks_mhz(s.board());
    if (memory.empty()) {
      return NVML_ERROR_NOT_SUPPORTED;
    }
    const std::size_t index = state == NVML_PSTATE_2 ? 1 : 0;
    if ((state != NVML_PSTATE_0 && state != NVML_PSTATE_2) || index >= memory.size()) {
      return NVML_ERROR_UNKNOWN;
    }
    std::vector<std::uint32_t> clocks = {memory[index]};
    if (type != NVML_CLOCK_MEM) {
      clocks = sm_clocks_mhz(s.board(), memory[index]);
    }
    if (clocks.empty() || type == NVML_CLOCK_VIDEO) {
      return NVML_ERROR_NOT_SUPPORTED;
    }
    *min_mhz = clocks.back();
    return put(clocks.front(), max_mhz);
  });
}

}  // extern "C"
