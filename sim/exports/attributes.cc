// SPDX-License-Identifier: Apache-2.0
// Calls with a constant answer on a server board: codes and values of an H200, 580.159.04, for
// features that a simulated GPU does not have either (sessions, offsets, licences, fans).
#include "sim/exports/answer.h"
#include "sim/exports/dispatch.h"

using namespace migsim;           // NOLINT(google-build-using-namespace)
using namespace migsim::exports;  // NOLINT(google-build-using-namespace)

namespace {

bool has_fan(const Subject& s) {
  return s.board().fan_percent != kUnknown;
}

// Server boards are cooled passively; a workstation board's fan is not simulated, as no reading of
// one is known.
bool has_no_fan(const Subject& s) {
  return s.board().architecture != Architecture::kBlackwell;
}

// H200: the number of fans is 0, so every fan index is invalid.
template <class... Outs>
nvmlReturn_t read_fan(const char* function, nvmlDevice_t device, Outs*... outs) {
  return read_gpu(function, device, [&](const Subject& s) {
    return ((outs == nullptr) || ...) || has_no_fan(s) ? NVML_ERROR_INVALID_ARGUMENT
                                                       : NVML_ERROR_NOT_SUPPORTED;
  });
}

template <class Out>
nvmlReturn_t give(const char* function, nvmlDevice_t device, unsigned value, Out* out) {
  return read_gpu(function, device, [&](const Subject&) { return put(value, out); });
}

}  // namespace

extern "C" {

nvmlReturn_t nvmlDeviceGetNumFans(nvmlDevice_t device, unsigned* count) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    return has_fan(s) || has_no_fan(s) || count == nullptr ? put(has_fan(s) ? 1U : 0U, count)
                                                           : NVML_ERROR_NOT_SUPPORTED;
  });
}

nvmlReturn_t nvmlDeviceGetFanSpeed_v2(nvmlDevice_t device, unsigned fan, unsigned* percent) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    if (has_fan(s)) {
      return fan == 0 ? put(s.board().fan_percent, percent) : NVML_ERROR_INVALID_ARGUMENT;
    }
    return percent == nullptr || has_no_fan(s) ? NVML_ERROR_INVALID_ARGUMENT
                                               : NVML_ERROR_NOT_SUPPORTED;
  });
}

nvmlReturn_t nvmlDeviceGetFanSpeedRPM(nvmlDevice_t device, nvmlFanSpeedInfo_v1_t* speed) {
  return read_fan(__func__, device, speed);
}

nvmlReturn_t nvmlDeviceGetPowerSource(nvmlDevice_t device, nvmlPowerSource_t* source) {
  return give(__func__, device, 0, source);  // AC mains
}

nvmlReturn_t nvmlDeviceGetAdaptiveClockInfoStatus(nvmlDevice_t device, unsigned* status) {
  return give(__func__, device, 1, status);
}

nvmlReturn_t nvmlDeviceGetC2cModeInfoV(nvmlDevice_t device, nvmlC2cModeInfo_v1_t* info) {
  return give(__func__, device, 0, info == nullptr ? nullptr : &info->isC2cEnabled);
}

nvmlReturn_t nvmlDeviceGetCapabilities(nvmlDevice_t device,
                                       nvmlDeviceCapabilities_v1_t* capabilities) {
  return read_gpu(__func__, device, [&](const Subject&) {
    if (capabilities == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    return capabilities->version == nvmlDeviceCapabilities_v1
               ? put(0U, &capabilities->capMask)
               : NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
  });
}

nvmlReturn_t nvmlDeviceGetConfComputeProtectedMemoryUsage(nvmlDevice_t device,
                                                          nvmlMemory_t* memory) {
  return read_gpu(__func__, device, [&](const Subject&) {
    return memory == nullptr ? NVML_ERROR_INVALID_ARGUMENT : put(nvmlMemory_t{}, memory);
  });
}

nvmlReturn_t nvmlDeviceGetEncoderCapacity(nvmlDevice_t device,
                                          nvmlEncoderType_t type,
                                          unsigned* capacity) {
  return read_gpu(__func__, device, [&](const Subject&) {
    constexpr unsigned kAllOfIt = 100;
    constexpr int kTypes = 3;
    return static_cast<int>(type) < 0 || static_cast<int>(type) >= kTypes
               ? NVML_ERROR_INVALID_ARGUMENT
               : put(kAllOfIt, capacity);
  });
}

// NVIDIA's names, which abi/nvml.h does not declare: NOLINTBEGIN(readability-identifier-naming)

// Arrays of structures that abi/nvml.h does not declare: only the counts are written, and they are
// 0.
nvmlReturn_t nvmlDeviceGetEncoderSessions(nvmlDevice_t device, unsigned* count, void* /*infos*/) {
  return give(__func__, device, 0, count);
}

nvmlReturn_t nvmlDeviceGetFBCSessions(nvmlDevice_t device, unsigned* count, void* /*infos*/) {
  return give(__func__, device, 0, count);
}

// The structure begins with two words: whether licences are supported, and the number of features
// that follow.
nvmlReturn_t nvmlDeviceGetGridLicensableFeatures_v4(nvmlDevice_t device, unsigned* features) {
  return read_gpu(__func__, device, [&](const Subject&) {
    if (features != nullptr) {
      features[1] = 0;
    }
    return put(0U, features);
  });
}

// NOLINTEND(readability-identifier-naming)

// Policies 6 to 9 are undefined. The clocks of a simulated board are never throttled.
nvmlReturn_t nvmlDeviceGetViolationStatus(nvmlDevice_t device,
                                          nvmlPerfPolicyType_t policy,
                                          nvmlViolationTime_t* time) {
  return read_gpu(__func__, device, [&](const Subject&) {
    const bool known =
        (policy >= NVML_PERF_POLICY_POWER && policy <= NVML_PERF_POLICY_RELIABILITY) ||
        policy == NVML_PERF_POLICY_TOTAL_APP_CLOCKS || policy == NVML_PERF_POLICY_TOTAL_BASE_CLOCKS;
    if (time == nullptr || !known) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    time->violationTime = 0;
    return put(wall_clock_us(), &time->referenceTime);
  });
}

}  // extern "C"
