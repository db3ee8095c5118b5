// SPDX-License-Identifier: Apache-2.0
// Process accounting, of running processes only: the simulator keeps no usage of ended processes,
// so the list is shorter than a driver's.
#include <algorithm>
#include <vector>

#include "sim/exports/answer.h"
#include "sim/exports/dispatch.h"
#include "sim/exports/processes_here.h"

using namespace migsim;           // NOLINT(google-build-using-namespace)
using namespace migsim::exports;  // NOLINT(google-build-using-namespace)

namespace {

constexpr unsigned kBufferSize = 4000;  // H200, 580.159.04

unsigned percent(double rate) {
  return static_cast<unsigned>(std::clamp(rate, 0.0, 1.0) * 100.0);
}

nvmlAccountingStats_t stats_of(const ProcessState& process) {
  nvmlAccountingStats_t stats{};
  stats.gpuUtilization = percent(process.rate[kGraphics]);
  stats.memoryUtilization = percent(process.rate[kDram]);
  stats.maxMemoryUsage = static_cast<unsigned long long>(NVML_VALUE_NOT_AVAILABLE);
  stats.time = 0;  // NVML reports 0 until the process has ended
  stats.startTime = wall_clock_us() - (now_ns() - process.attached_ns) / 1000;
  stats.isRunning = 1;
  return stats;
}

}  // namespace

extern "C" {

nvmlReturn_t nvmlDeviceGetAccountingMode(nvmlDevice_t device, nvmlEnableState_t* mode) {
  return read_gpu(
      __func__, device, [&](const Subject& s) { return put(s.self().accounting, mode); });
}

// In MIG mode accounting is off and cannot be turned on.
nvmlReturn_t nvmlDeviceSetAccountingMode(nvmlDevice_t device, nvmlEnableState_t mode) {
  return change_device(__func__, device, [&](GpuRef gpu) {
    if (mode != NVML_FEATURE_DISABLED && mode != NVML_FEATURE_ENABLED) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (gpu.self().mig_current != 0) {
      return NVML_ERROR_NOT_SUPPORTED;
    }
    gpu.self().accounting = mode;
    return NVML_SUCCESS;
  });
}

nvmlReturn_t nvmlDeviceGetAccountingBufferSize(nvmlDevice_t device, unsigned* size) {
  return read_gpu(__func__, device, [&](const Subject&) { return put(kBufferSize, size); });
}

nvmlReturn_t nvmlDeviceGetAccountingPids(nvmlDevice_t device, unsigned* count, unsigned* pids) {
  return read_device(__func__, device, [&](const Subject& s) {
    if (count == nullptr || s.is_mig()) {
      return count == nullptr ? NVML_ERROR_INVALID_ARGUMENT : NVML_ERROR_NOT_SUPPORTED;
    }
    if (s.self().accounting == 0) {
      return NVML_ERROR_NOT_SUPPORTED;
    }
    std::vector<unsigned> found;
    for (const ProcessState& process : processes_here(s.state(), s.machine.dir(), s.ref.gpu)) {
      if (process.used != 0 && process.gpu == s.ref.gpu) {
        found.push_back(static_cast<unsigned>(process.pid));
      }
    }
    const unsigned room = pids == nullptr ? 0 : *count;
    *count = static_cast<unsigned>(found.size());
    if (found.size() > room) {
      return NVML_ERROR_INSUFFICIENT_SIZE;
    }
    std::copy(found.begin(), found.end(), pids);
    return NVML_SUCCESS;
  });
}

nvmlReturn_t nvmlDeviceGetAccountingStats(nvmlDevice_t device,
                                          unsigned pid,
                                          nvmlAccountingStats_t* stats) {
  return read_device(__func__, device, [&](const Subject& s) {
    if (stats == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (s.is_mig() || s.self().accounting == 0) {
      return NVML_ERROR_NOT_SUPPORTED;
    }
    for (const ProcessState& process : processes_here(s.state(), s.machine.dir(), s.ref.gpu)) {
      if (process.used != 0 && process.gpu == s.ref.gpu &&
          process.pid == static_cast<std::int32_t>(pid)) {
        return put(stats_of(process), stats);
      }
    }
    return NVML_ERROR_NOT_FOUND;
  });
}

nvmlReturn_t nvmlDeviceClearAccountingPids(nvmlDevice_t device) {
  // The simulator keeps no statistics of ended processes, so a clear has no effect.
  return change_device(__func__, device, [](GpuRef gpu) {
    return gpu.self().accounting != 0 ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
  });
}

}  // extern "C"
