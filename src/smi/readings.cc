// SPDX-License-Identifier: Apache-2.0
#include "smi/readings.h"

#include <algorithm>

#include "smi/query_value.h"

namespace mig::smi {
namespace {

constexpr unsigned kMaxList = 1U << 16U;  // bounds the allocation against a bogus count

// NVML's size protocol for lists: length first, then entries. For the length some calls return
// SUCCESS, some INSUFFICIENT_SIZE.
template <class Item, class Call>
nvmlReturn_t read_list(const Call& call, std::vector<Item>* list) {
  unsigned count = 0;
  nvmlReturn_t code = call(&count, nullptr);
  if (code == NVML_ERROR_INSUFFICIENT_SIZE) {
    code = NVML_SUCCESS;
  }
  if (code != NVML_SUCCESS || count == 0) {
    return code;
  }
  if (count > kMaxList) {
    return NVML_ERROR_UNKNOWN;
  }
  list->resize(count);
  code = call(&count, list->data());
  list->resize(code == NVML_SUCCESS ? std::min<std::size_t>(count, list->size()) : 0);
  return code;
}

double number_of(const nvmlValue_t& value, nvmlValueType_t type) {
  switch (type) {
    case NVML_VALUE_TYPE_DOUBLE:
      return value.dVal;
    case NVML_VALUE_TYPE_UNSIGNED_LONG:
      return static_cast<double>(value.ulVal);
    case NVML_VALUE_TYPE_UNSIGNED_LONG_LONG:
      return static_cast<double>(value.ullVal);
    case NVML_VALUE_TYPE_SIGNED_LONG_LONG:
      return static_cast<double>(value.sllVal);
    case NVML_VALUE_TYPE_SIGNED_INT:
      return value.siVal;
    case NVML_VALUE_TYPE_UNSIGNED_SHORT:
      return value.usVal;
    default:
      return value.uiVal;
  }
}

}  // namespace

MigReading read_mig_device(const Run& run, const MigDevice& mig) {
  const nvml::Functions& nvml = run.nvml;
  MigReading reading;
  reading.index = mig.index;
  nvml.nvmlDeviceGetGpuInstanceId(mig.device, &reading.gi);
  nvml.nvmlDeviceGetComputeInstanceId(mig.device, &reading.ci);
  nvmlDeviceAttributes_t attributes{};
  if (nvml.nvmlDeviceGetAttributes_v2(mig.device, &attributes) == NVML_SUCCESS) {
    reading.attributes = attributes;
  }
  unsigned long long errors = 0;
  if (nvml.nvmlDeviceGetMemoryErrorCounter(mig.device,
                                           NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
                                           NVML_VOLATILE_ECC,
                                           NVML_MEMORY_LOCATION_SRAM,
                                           &errors) == NVML_SUCCESS) {
    reading.sram_uncorrectable = errors;
  }
  nvmlMemory_v2_t memory{};
  memory.version = nvmlMemory_v2;
  if (nvml.nvmlDeviceGetMemoryInfo_v2(mig.device, &memory) == NVML_SUCCESS) {
    reading.memory = memory;
  }
  nvmlBAR1Memory_t bar1{};
  if (nvml.nvmlDeviceGetBAR1MemoryInfo(mig.device, &bar1) == NVML_SUCCESS) {
    reading.bar1 = bar1;
  }
  return reading;
}

ClockList supported_clocks_of(const Run& run, const Gpu& gpu) {
  ClockList clocks;
  std::vector<unsigned> memory;
  clocks.code = read_list(
      [&](unsigned* count, unsigned* mhz) {
        return run.nvml.nvmlDeviceGetSupportedMemoryClocks(gpu.device, count, mhz);
      },
      &memory);
  for (const unsigned mhz : memory) {
    MemoryClock clock;
    clock.mhz = mhz;
    clock.code = read_list(
        [&](unsigned* count, unsigned* graphics) {
          return run.nvml.nvmlDeviceGetSupportedGraphicsClocks(gpu.device, mhz, count, graphics);
        },
        &clock.graphics_mhz);
    clocks.memory.push_back(std::move(clock));
  }
  return clocks;
}

std::vector<Accounted> accounted_on(const Run& run, const Gpu& gpu) {
  std::vector<unsigned> pids;
  (void)read_list(
      [&](unsigned* count, unsigned* list) {
        return run.nvml.nvmlDeviceGetAccountingPids(gpu.device, count, list);
      },
      &pids);
  std::vector<Accounted> processes;
  for (const unsigned pid : pids) {
    Accounted process;
    process.pid = pid;
    process.code = run.nvml.nvmlDeviceGetAccountingStats(gpu.device, pid, &process.stats);
    processes.push_back(process);
  }
  return processes;
}

SampleSummary samples_of(const Run& run, const Gpu& gpu, nvmlSamplingType_t type) {
  SampleSummary summary;
  nvmlValueType_t value_type = NVML_VALUE_TYPE_UNSIGNED_INT;
  std::vector<nvmlSample_t> samples;
  summary.code = read_list(
      [&](unsigned* count, nvmlSample_t* list) {
        return run.nvml.nvmlDeviceGetSamples(gpu.device, type, 0, &value_type, count, list);
      },
      &samples);
  if (summary.code != NVML_SUCCESS) {
    return summary;
  }
  if (samples.empty()) {
    summary.code = NVML_ERROR_NOT_FOUND;
    return summary;
  }
  const auto [first, last] =
      std::minmax_element(samples.begin(), samples.end(), [](const auto& a, const auto& b) {
        return a.timeStamp < b.timeStamp;
      });
  summary.seconds = static_cast<double>(last->timeStamp - first->timeStamp) / 1e6;
  summary.count = samples.size();
  summary.max = summary.min = number_of(samples.front().sampleValue, value_type);
  for (const nvmlSample_t& sample : samples) {
    const double value = number_of(sample.sampleValue, value_type);
    summary.max = std::max(summary.max, value);
    summary.min = std::min(summary.min, value);
    summary.mean += value / static_cast<double>(samples.size());
  }
  return summary;
}

}  // namespace mig::smi
