// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "device/instances.h"
#include "device/readings.h"

namespace mig::device {
namespace {

constexpr unsigned kMiBShift = 20;

void read_details(const nvml::Functions& nvml, MigDevice& device) {
  device.uuid = read_text(
      [&](char* to, unsigned size) { return nvml.nvmlDeviceGetUUID(device.handle, to, size); });
  device.name = read_text(
      [&](char* to, unsigned size) { return nvml.nvmlDeviceGetName(device.handle, to, size); });
  if (nvmlMemory_t memory{}; nvml.nvmlDeviceGetMemoryInfo(device.handle, &memory) == NVML_SUCCESS) {
    device.memory_total_mib = memory.total >> kMiBShift;
    device.memory_used_mib = memory.used >> kMiBShift;
  }
  if (nvmlDeviceAttributes_t attributes{};
      nvml.nvmlDeviceGetAttributes_v2(device.handle, &attributes) == NVML_SUCCESS) {
    device.attributes = attributes;
    if (!device.memory_total_mib) {
      device.memory_total_mib = attributes.memorySizeMB;
    }
  }
}

}  // namespace

Result<std::vector<MigDevice>> read_mig_devices(const nvml::Functions& nvml, nvmlDevice_t device) {
  std::vector<MigDevice> out;
  unsigned count = 0;
  MIG_ASSIGN_OR_RETURN(const bool known,
                       told_of_layout(nvml.nvmlDeviceGetMaxMigDeviceCount(device, &count),
                                      "the number of MIG devices"));
  for (unsigned index = 0; known && index < count; ++index) {
    MigDevice found;
    found.index = index;
    MIG_ASSIGN_OR_RETURN(
        const bool exists,
        told_of_layout(nvml.nvmlDeviceGetMigDeviceHandleByIndex(device, index, &found.handle),
                       "MIG devices"));
    if (!exists) {
      continue;
    }
    if (nvml.nvmlDeviceGetGpuInstanceId(found.handle, &found.gpu_instance) != NVML_SUCCESS ||
        nvml.nvmlDeviceGetComputeInstanceId(found.handle, &found.compute_instance) !=
            NVML_SUCCESS) {
      continue;  // destroyed between the two calls
    }
    read_details(nvml, found);
    out.push_back(std::move(found));
  }
  return out;
}

}  // namespace mig::device
