// SPDX-License-Identifier: Apache-2.0
#include "smi/select.h"

#include <algorithm>

#include "base/strings.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

nvmlReturn_t handle_of(const Run& run, const std::string& id, nvmlDevice_t* device) {
  constexpr unsigned kMaxIndex = 1U << 16U;
  if (const auto index = base::parse_decimal(id, kMaxIndex)) {
    return run.nvml.nvmlDeviceGetHandleByIndex_v2(static_cast<unsigned>(*index), device);
  }
  if (id.rfind("GPU-", 0) == 0) {
    return run.nvml.nvmlDeviceGetHandleByUUID(id.c_str(), device);
  }
  if (id.find(':') != std::string::npos) {
    return run.nvml.nvmlDeviceGetHandleByPciBusId_v2(id.c_str(), device);
  }
  return run.nvml.nvmlDeviceGetHandleBySerial(id.c_str(), device);
}

bool fits_no_gpu(nvmlReturn_t code) {
  return code == NVML_ERROR_NOT_FOUND || code == NVML_ERROR_INVALID_ARGUMENT ||
         code == NVML_ERROR_NOT_SUPPORTED;
}

void report(const Run& run, const std::string& what, nvmlReturn_t code, int* exit) {
  if (fits_no_gpu(code)) {
    run.print("No devices were found\n");
    *exit = kExitNotFound;
    return;
  }
  run.print(text("Unable to determine the device handle for GPU%s: %s\n",
                 what.c_str(),
                 run.why(code).c_str()));
  *exit = exit_code(code);
}

std::vector<Gpu> every_gpu(const Run& run, int* exit) {
  std::vector<Gpu> gpus;
  unsigned count = 0;
  if (const nvmlReturn_t code = run.nvml.nvmlDeviceGetCount_v2(&count); code != NVML_SUCCESS) {
    report(run, "s", code, exit);
  }
  for (unsigned index = 0; index < count && *exit == 0; ++index) {
    Gpu gpu{index, nullptr};
    const nvmlReturn_t code = run.nvml.nvmlDeviceGetHandleByIndex_v2(index, &gpu.device);
    if (code == NVML_SUCCESS) {
      gpus.push_back(gpu);
    } else {
      report(run, text(" %u", index), code, exit);
    }
  }
  if (gpus.empty() && *exit == 0) {
    report(run, "s", NVML_ERROR_NOT_FOUND, exit);
  }
  return gpus;
}

}  // namespace

std::vector<Gpu> select_gpus(const Run& run,
                             const std::string& ids,
                             Unmatched unmatched,
                             int* exit) {
  *exit = 0;
  if (ids.empty()) {
    return every_gpu(run, exit);
  }
  std::vector<Gpu> gpus;
  for (const std::string& id : base::split(ids, ',')) {
    Gpu gpu;
    nvmlReturn_t code = handle_of(run, id, &gpu.device);
    if (code == NVML_SUCCESS) {
      code = run.nvml.nvmlDeviceGetIndex(gpu.device, &gpu.index);
    }
    if (fits_no_gpu(code) && unmatched == Unmatched::kPassOver) {
      continue;
    }
    if (code != NVML_SUCCESS) {
      report(run, " " + id, code, exit);
      return {};
    }
    const auto same = [&](const Gpu& other) { return other.index == gpu.index; };
    if (std::none_of(gpus.begin(), gpus.end(), same)) {
      gpus.push_back(gpu);
    }
  }
  if (gpus.empty()) {
    report(run, "s", NVML_ERROR_NOT_FOUND, exit);
  }
  std::sort(gpus.begin(), gpus.end(), [](const Gpu& a, const Gpu& b) { return a.index < b.index; });
  return gpus;
}

}  // namespace mig::smi
