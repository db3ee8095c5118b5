// SPDX-License-Identifier: Apache-2.0
#include "observe/board.h"

#include <string_view>

#include "nvml/return_code.h"
#include "observe/units.h"

namespace mig::observe {
namespace {

// True: the value was read. False: this driver or board does not give it. An error: the GPU is
// gone, so that all other readings would fail as well.
Result<bool> given(nvmlReturn_t code, std::string_view what) {
  switch (code) {
    case NVML_SUCCESS:
      return true;
    case NVML_ERROR_GPU_IS_LOST:
    case NVML_ERROR_UNINITIALIZED:
    case NVML_ERROR_DRIVER_NOT_LOADED:
      return nvml::error_from(code, "cannot read " + std::string(what));
    default:
      return false;
  }
}

Result<void> read_power(const nvml::Functions& nvml, nvmlDevice_t device, GpuSample& out) {
  unsigned milliwatts = 0;
  MIG_ASSIGN_OR_RETURN(const bool known,
                       given(nvml.nvmlDeviceGetPowerUsage(device, &milliwatts), "the power"));
  out.power_watts = known ? std::optional(milliwatts * kMilli) : std::nullopt;
  return {};
}

void read_clocks(const nvml::Functions& nvml, nvmlDevice_t device, GpuSample& out) {
  unsigned mhz = 0;
  if (nvml.nvmlDeviceGetClockInfo(device, NVML_CLOCK_SM, &mhz) == NVML_SUCCESS) {
    out.sm_clock_hz = mhz * kMega;
  }
  if (nvml.nvmlDeviceGetClockInfo(device, NVML_CLOCK_MEM, &mhz) == NVML_SUCCESS) {
    out.memory_clock_hz = mhz * kMega;
  }
  unsigned long long reasons = 0;
  nvmlReturn_t code = nvml.nvmlDeviceGetCurrentClocksEventReasons(device, &reasons);
  if (code == NVML_ERROR_FUNCTION_NOT_FOUND) {
    code = nvml.nvmlDeviceGetCurrentClocksThrottleReasons(device, &reasons);
  }
  if (code == NVML_SUCCESS) {
    out.throttle_reasons = reasons;
  }
}

void read_temperatures(const nvml::Functions& nvml, nvmlDevice_t device, GpuSample& out) {
  unsigned celsius = 0;
  if (nvml.nvmlDeviceGetTemperature(device, NVML_TEMPERATURE_GPU, &celsius) == NVML_SUCCESS) {
    out.temperature_celsius = celsius;
  }
  nvmlFieldValue_t field{};
  field.fieldId = NVML_FI_DEV_MEMORY_TEMP;
  if (nvml.nvmlDeviceGetFieldValues(device, 1, &field) == NVML_SUCCESS &&
      field.nvmlReturn == NVML_SUCCESS) {
    out.memory_temperature_celsius = field.value.uiVal;
  }
}

std::optional<std::uint64_t> ecc_errors(const nvml::Functions& nvml,
                                        nvmlDevice_t device,
                                        nvmlMemoryErrorType_t type) {
  unsigned long long count = 0;
  return nvml.nvmlDeviceGetTotalEccErrors(device, type, NVML_VOLATILE_ECC, &count) == NVML_SUCCESS
             ? std::optional<std::uint64_t>(count)
             : std::nullopt;
}

}  // namespace

MemoryReading read_memory(const nvml::Functions& nvml, nvmlDevice_t device) {
  nvmlMemory_v2_t memory{};
  memory.version = nvmlMemory_v2;
  if (nvml.nvmlDeviceGetMemoryInfo_v2(device, &memory) == NVML_SUCCESS) {
    return {memory.total, memory.used};
  }
  // A driver before R510: what is used includes what the driver reserves.
  nvmlMemory_t old{};
  if (nvml.nvmlDeviceGetMemoryInfo(device, &old) == NVML_SUCCESS) {
    return {old.total, old.used};
  }
  return {};
}

Result<void> read_board(const nvml::Functions& nvml, nvmlDevice_t device, GpuSample& out) {
  MIG_TRY(read_power(nvml, device, out));
  read_clocks(nvml, device, out);
  read_temperatures(nvml, device, out);
  nvmlUtilization_t utilization{};
  if (nvml.nvmlDeviceGetUtilizationRates(device, &utilization) == NVML_SUCCESS) {
    out.gpu_utilization = utilization.gpu * kPercent;
    out.memory_utilization = utilization.memory * kPercent;
  }
  const MemoryReading memory = read_memory(nvml, device);
  out.memory_total_bytes = memory.total;
  out.memory_used_bytes = memory.used;
  return {};
}

void SlowReadings::put_into(GpuSample& out) const {
  out.power_limit_watts = power_limit_watts;
  out.ecc_uncorrected = ecc_uncorrected;
  out.ecc_corrected = ecc_corrected;
  out.remap_pending = remap_pending;
  out.remap_failed = remap_failed;
}

Result<SlowReadings> read_slow(const nvml::Functions& nvml, nvmlDevice_t device) {
  SlowReadings out;
  unsigned milliwatts = 0;
  MIG_ASSIGN_OR_RETURN(
      const bool known,
      given(nvml.nvmlDeviceGetEnforcedPowerLimit(device, &milliwatts), "the power limit"));
  out.power_limit_watts = known ? std::optional(milliwatts * kMilli) : std::nullopt;
  out.ecc_corrected = ecc_errors(nvml, device, NVML_MEMORY_ERROR_TYPE_CORRECTED);
  out.ecc_uncorrected = ecc_errors(nvml, device, NVML_MEMORY_ERROR_TYPE_UNCORRECTED);
  unsigned corrected = 0;
  unsigned uncorrected = 0;
  unsigned pending = 0;
  unsigned failed = 0;
  if (nvml.nvmlDeviceGetRemappedRows(device, &corrected, &uncorrected, &pending, &failed) ==
      NVML_SUCCESS) {
    out.remap_pending = pending != 0;
    out.remap_failed = failed != 0;
  }
  return out;
}

}  // namespace mig::observe
