// SPDX-License-Identifier: Apache-2.0
#include "smi/dmon_columns.h"

#include <algorithm>

#include "smi/query_value.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

using Number = std::optional<unsigned long long>;
using F = nvml::Functions;

Number known(nvmlReturn_t code, unsigned long long number) {
  return code == NVML_SUCCESS ? Number(number) : std::nullopt;
}

template <auto kCall>
Number number_of(const Run& run, const Gpu& gpu, DmonPast*) {
  unsigned number = 0;
  const nvmlReturn_t code = (run.nvml.*kCall)(gpu.device, &number);
  return known(code, number);
}

template <auto kCall, auto kWhich, unsigned kDivisor = 1>
Number number_which(const Run& run, const Gpu& gpu, DmonPast*) {
  unsigned number = 0;
  const nvmlReturn_t code = (run.nvml.*kCall)(gpu.device, kWhich, &number);
  return known(code, number / kDivisor);
}

template <auto kCall>
Number engine(const Run& run, const Gpu& gpu, DmonPast*) {
  unsigned percent = 0;
  unsigned period_us = 0;
  const nvmlReturn_t code = (run.nvml.*kCall)(gpu.device, &percent, &period_us);
  return known(code, percent);
}

template <auto kMember>
Number rate(const Run& run, const Gpu& gpu, DmonPast*) {
  nvmlUtilization_t rates{};
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetUtilizationRates(gpu.device, &rates);
  return known(code, rates.*kMember);
}

template <auto kType>
Number ecc(const Run& run, const Gpu& gpu, DmonPast*) {
  unsigned long long count = 0;
  const nvmlReturn_t code =
      run.nvml.nvmlDeviceGetTotalEccErrors(gpu.device, kType, NVML_VOLATILE_ECC, &count);
  return known(code, count);
}

Number watts(const Run& run, const Gpu& gpu, DmonPast*) {
  unsigned milliwatts = 0;
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetPowerUsage(gpu.device, &milliwatts);
  return known(code, milliwatts / 1000);
}

Number memory_heat(const Run& run, const Gpu& gpu, DmonPast*) {
  double celsius = 0;
  const nvmlReturn_t code = field_number(run, gpu.device, NVML_FI_DEV_MEMORY_TEMP, 0, &celsius);
  return known(code, static_cast<unsigned long long>(std::max(0.0, celsius)));
}

Number frame_buffer(const Run& run, const Gpu& gpu, DmonPast*) {
  nvmlMemory_v2_t memory{};
  memory.version = nvmlMemory_v2;
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetMemoryInfo_v2(gpu.device, &memory);
  return known(code, mib(memory.used));
}

Number bar1(const Run& run, const Gpu& gpu, DmonPast*) {
  nvmlBAR1Memory_t memory{};
  const nvmlReturn_t code = run.nvml.nvmlDeviceGetBAR1MemoryInfo(gpu.device, &memory);
  return known(code, memory.bar1Used >> 20U);
}

Number protected_memory(const Run& run, const Gpu& gpu, DmonPast*) {
  nvmlMemory_t memory{};
  const nvmlReturn_t code =
      run.nvml.nvmlDeviceGetConfComputeProtectedMemoryUsage(gpu.device, &memory);
  return known(code, mib(memory.used));
}

// Throttled time in ns of elapsed time in us, both since the previous line; 0 in the first line.
struct Lost {
  unsigned long long ns = 0, of_us = 0;
};

std::optional<Lost> lost(const Run& run,
                         const Gpu& gpu,
                         nvmlPerfPolicyType_t policy,
                         std::optional<nvmlViolationTime_t>* before) {
  nvmlViolationTime_t time{};
  if (run.nvml.nvmlDeviceGetViolationStatus(gpu.device, policy, &time) != NVML_SUCCESS) {
    return std::nullopt;
  }
  const nvmlViolationTime_t then = before->value_or(time);
  *before = time;
  return Lost{time.violationTime - then.violationTime, time.referenceTime - then.referenceTime};
}

Number power_violation(const Run& run, const Gpu& gpu, DmonPast* past) {
  const auto time = lost(run, gpu, NVML_PERF_POLICY_POWER, &past->power);
  if (!time) {
    return std::nullopt;
  }
  return time->of_us == 0 ? 0 : std::min(100ULL, time->ns / 10 / time->of_us);
}

Number thermal_violation(const Run& run, const Gpu& gpu, DmonPast* past) {
  const auto time = lost(run, gpu, NVML_PERF_POLICY_THERMAL, &past->thermal);
  return time ? Number(time->ns != 0 ? 1 : 0) : std::nullopt;
}

constexpr DmonColumn kColumns[] = {
    {'p', "pwr", "W", watts},
    {'p', "gtemp", "C", number_which<&F::nvmlDeviceGetTemperature, NVML_TEMPERATURE_GPU>},
    {'p', "mtemp", "C", memory_heat},
    {'u', "sm", "%", rate<&nvmlUtilization_t::gpu>},
    {'u', "mem", "%", rate<&nvmlUtilization_t::memory>},
    {'u', "enc", "%", engine<&F::nvmlDeviceGetEncoderUtilization>},
    {'u', "dec", "%", engine<&F::nvmlDeviceGetDecoderUtilization>},
    {'u', "jpg", "%", engine<&F::nvmlDeviceGetJpgUtilization>},
    {'u', "ofa", "%", engine<&F::nvmlDeviceGetOfaUtilization>},
    {'c', "mclk", "MHz", number_which<&F::nvmlDeviceGetClockInfo, NVML_CLOCK_MEM>},
    {'c', "pclk", "MHz", number_which<&F::nvmlDeviceGetClockInfo, NVML_CLOCK_GRAPHICS>},
    {'v', "pviol", "%", power_violation},
    {'v', "tviol", "bool", thermal_violation},
    {'m', "fb", "MB", frame_buffer},
    {'m', "bar1", "MB", bar1},
    {'m', "ccpm", "MB", protected_memory},
    {'e', "sbecc", "errs", ecc<NVML_MEMORY_ERROR_TYPE_CORRECTED>},
    {'e', "dbecc", "errs", ecc<NVML_MEMORY_ERROR_TYPE_UNCORRECTED>},
    {'e', "pci", "errs", number_of<&F::nvmlDeviceGetPcieReplayCounter>},
    {'t',
     "rxpci",
     "MB/s",
     number_which<&F::nvmlDeviceGetPcieThroughput, NVML_PCIE_UTIL_RX_BYTES, 1024>},
    {'t',
     "txpci",
     "MB/s",
     number_which<&F::nvmlDeviceGetPcieThroughput, NVML_PCIE_UTIL_TX_BYTES, 1024>},
};

}  // namespace

std::span<const DmonColumn> dmon_columns() {
  return kColumns;
}

}  // namespace mig::smi
