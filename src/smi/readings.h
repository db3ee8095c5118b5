// SPDX-License-Identifier: Apache-2.0
// Readings with more than one value that several outputs share: MIG devices, supported clocks,
// accounted processes, samples.
#ifndef MIGCTL_SMI_READINGS_H_
#define MIGCTL_SMI_READINGS_H_

#include <optional>
#include <vector>

#include "smi/list_gpus.h"
#include "smi/run.h"

namespace mig::smi {

struct MigReading {
  unsigned index = 0, gi = 0, ci = 0;
  std::optional<nvmlDeviceAttributes_t> attributes;
  std::optional<unsigned long long> sram_uncorrectable;
  std::optional<nvmlMemory_v2_t> memory;
  std::optional<nvmlBAR1Memory_t> bar1;
};

MigReading read_mig_device(const Run& run, const MigDevice& mig);

struct MemoryClock {
  unsigned mhz = 0;
  nvmlReturn_t code = NVML_SUCCESS;  // result of the graphics clocks
  std::vector<unsigned> graphics_mhz;
};

struct ClockList {
  nvmlReturn_t code = NVML_SUCCESS;  // result of the memory clocks
  std::vector<MemoryClock> memory;
};

ClockList supported_clocks_of(const Run& run, const Gpu& gpu);

struct Accounted {
  unsigned pid = 0;
  nvmlReturn_t code = NVML_SUCCESS;  // result of the statistics
  nvmlAccountingStats_t stats{};
};

// Accounted processes; empty also with accounting off.
std::vector<Accounted> accounted_on(const Run& run, const Gpu& gpu);

struct SampleSummary {
  nvmlReturn_t code = NVML_SUCCESS;  // the rest is valid only if NVML_SUCCESS
  double seconds = 0, max = 0, min = 0, mean = 0;
  std::size_t count = 0;
};

// Summary of all samples in the driver's buffer.
SampleSummary samples_of(const Run& run, const Gpu& gpu, nvmlSamplingType_t type);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_READINGS_H_
