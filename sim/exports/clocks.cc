// SPDX-License-Identifier: Apache-2.0
// Clocks, performance state and clock event reasons: of the whole GPU.
#include "sim/exports/answer.h"
#include "sim/exports/dispatch.h"
#include "sim/machine/settings.h"

using namespace migsim;           // NOLINT(google-build-using-namespace)
using namespace migsim::exports;  // NOLINT(google-build-using-namespace)

namespace {

// Graphics and SM clock are equal; the board file has no video clock.
nvmlReturn_t current_clock(const Subject& s, nvmlClockType_t type, unsigned* mhz) {
  switch (type) {
    case NVML_CLOCK_GRAPHICS:
    case NVML_CLOCK_SM:
      return put_reading(clock_sm_mhz(s.hardware(), s.state(), s.ref.gpu), mhz);
    case NVML_CLOCK_MEM:
      return put_reading(clock_mem_mhz(s.hardware(), s.state(), s.ref.gpu), mhz);
    case NVML_CLOCK_VIDEO:
      return mhz == nullptr ? NVML_ERROR_INVALID_ARGUMENT : NVML_ERROR_NOT_SUPPORTED;
    default:
      return NVML_ERROR_INVALID_ARGUMENT;
  }
}

nvmlReturn_t highest_clock(const Subject& s, nvmlClockType_t type, unsigned* mhz) {
  switch (type) {
    case NVML_CLOCK_GRAPHICS:
    case NVML_CLOCK_SM:
      return put_figure(s.board().clock_sm_max_mhz, mhz);
    case NVML_CLOCK_MEM:
      return put_figure(s.board().clock_mem_max_mhz, mhz);
    case NVML_CLOCK_VIDEO:
      return mhz == nullptr ? NVML_ERROR_INVALID_ARGUMENT : NVML_ERROR_NOT_SUPPORTED;
    default:
      return NVML_ERROR_INVALID_ARGUMENT;
  }
}

// H200: application clocks are the highest; NVML reports them for graphics and memory only.
nvmlReturn_t default_application_clock(const Subject& s, nvmlClockType_t type, unsigned* mhz) {
  return type == NVML_CLOCK_SM ? NVML_ERROR_NOT_SUPPORTED : highest_clock(s, type, mhz);
}

nvmlReturn_t application_clock(const Subject& s, nvmlClockType_t type, unsigned* mhz) {
  const Settings& set = s.self().settings;
  if (type == NVML_CLOCK_GRAPHICS && set.application_sm_mhz != 0) {
    return put(set.application_sm_mhz, mhz);
  }
  if (type == NVML_CLOCK_MEM && set.application_mem_mhz != 0) {
    return put(set.application_mem_mhz, mhz);
  }
  return default_application_clock(s, type, mhz);
}

nvmlReturn_t boost_clock(const Subject& s, nvmlClockType_t type, unsigned* mhz) {
  return type == NVML_CLOCK_GRAPHICS || type >= NVML_CLOCK_COUNT || type < 0
             ? highest_clock(s, type, mhz)
             : NVML_ERROR_NOT_SUPPORTED;
}

// Clock event reasons: idle while no process runs, power cap when the power limit is reached.
std::uint64_t reasons(const Subject& s) {
  bool idle = true;
  for (const ProcessState& process : s.state().processes) {
    idle = idle && (process.used == 0 || process.gpu != s.ref.gpu);
  }
  if (idle) {
    return nvmlClocksEventReasonGpuIdle;
  }
  const auto power = power_mw(s.hardware(), s.state(), s.ref.gpu);
  const std::int64_t limit = power_limit_mw(s.board(), s.self());
  std::uint64_t mask = nvmlClocksEventReasonNone;
  if (power && limit != kUnknown && *power >= static_cast<std::uint64_t>(limit)) {
    mask |= nvmlClocksEventReasonSwPowerCap;
  }
  const std::uint32_t target = s.self().settings.application_sm_mhz;
  if (target != 0 && target < s.board().clock_sm_max_mhz) {
    mask |= nvmlClocksEventReasonApplicationsClocksSetting;
  }
  return mask;
}

nvmlReturn_t give_reasons(const char* function, nvmlDevice_t device, unsigned long long* mask) {
  return read_gpu(function, device, [&](const Subject& s) { return put(reasons(s), mask); });
}

nvmlReturn_t give_all_reasons(const char* function, nvmlDevice_t device, unsigned long long* mask) {
  return read_gpu(
      function, device, [&](const Subject&) { return put(nvmlClocksEventReasonAll, mask); });
}

// H100, H200: P0 even when idle. Boards with a lower memory clock show P8 when idle (RTX PRO 6000).
nvmlReturn_t give_pstate(const char* function, nvmlDevice_t device, nvmlPstates_t* state) {
  return read_gpu(function, device, [&](const Subject& s) {
    const Board& board = s.board();
    const auto now = clock_mem_mhz(s.hardware(), s.state(), s.ref.gpu);
    const bool down = now && *now == board.clock_mem_idle_mhz &&
                      board.clock_mem_idle_mhz < board.clock_mem_max_mhz;
    return put(down ? NVML_PSTATE_8 : NVML_PSTATE_0, state);
  });
}

}  // namespace

extern "C" {

nvmlReturn_t nvmlDeviceGetClockInfo(nvmlDevice_t device, nvmlClockType_t type, unsigned* mhz) {
  return read_gpu(__func__, device, [&](const Subject& s) { return current_clock(s, type, mhz); });
}

nvmlReturn_t nvmlDeviceGetMaxClockInfo(nvmlDevice_t device, nvmlClockType_t type, unsigned* mhz) {
  return read_gpu(__func__, device, [&](const Subject& s) { return highest_clock(s, type, mhz); });
}

nvmlReturn_t nvmlDeviceGetMaxCustomerBoostClock(nvmlDevice_t device,
                                                nvmlClockType_t type,
                                                unsigned* mhz) {
  return read_gpu(__func__, device, [&](const Subject& s) { return boost_clock(s, type, mhz); });
}

nvmlReturn_t nvmlDeviceGetApplicationsClock(nvmlDevice_t device,
                                            nvmlClockType_t type,
                                            unsigned* mhz) {
  return read_gpu(
      __func__, device, [&](const Subject& s) { return application_clock(s, type, mhz); });
}

nvmlReturn_t nvmlDeviceGetDefaultApplicationsClock(nvmlDevice_t device,
                                                   nvmlClockType_t type,
                                                   unsigned* mhz) {
  return read_gpu(
      __func__, device, [&](const Subject& s) { return default_application_clock(s, type, mhz); });
}

nvmlReturn_t nvmlDeviceGetClock(nvmlDevice_t device,
                                nvmlClockType_t type,
                                nvmlClockId_t id,
                                unsigned* mhz) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    switch (id) {
      case NVML_CLOCK_ID_CURRENT:
        return current_clock(s, type, mhz);
      case NVML_CLOCK_ID_APP_CLOCK_TARGET:
        return application_clock(s, type, mhz);
      case NVML_CLOCK_ID_APP_CLOCK_DEFAULT:
        return default_application_clock(s, type, mhz);
      case NVML_CLOCK_ID_CUSTOMER_BOOST_MAX:
        return boost_clock(s, type, mhz);
      default:
        return NVML_ERROR_INVALID_ARGUMENT;
    }
  });
}

nvmlReturn_t nvmlDeviceGetPerformanceState(nvmlDevice_t device, nvmlPstates_t* state) {
  return give_pstate(__func__, device, state);
}

nvmlReturn_t nvmlDeviceGetPowerState(nvmlDevice_t device, nvmlPstates_t* state) {
  return give_pstate(__func__, device, state);
}

nvmlReturn_t nvmlDeviceGetCurrentClocksEventReasons(nvmlDevice_t device, unsigned long long* mask) {
  return give_reasons(__func__, device, mask);
}

nvmlReturn_t nvmlDeviceGetCurrentClocksThrottleReasons(nvmlDevice_t device,
                                                       unsigned long long* mask) {
  return give_reasons(__func__, device, mask);
}

nvmlReturn_t nvmlDeviceGetSupportedClocksEventReasons(nvmlDevice_t device,
                                                      unsigned long long* mask) {
  return give_all_reasons(__func__, device, mask);
}

nvmlReturn_t nvmlDeviceGetSupportedClocksThrottleReasons(nvmlDevice_t device,
                                                         unsigned long long* mask) {
  return give_all_reasons(__func__, device, mask);
}

}  // extern "C"
