// SPDX-License-Identifier: Apache-2.0
#include "smi/list_gpus.h"

#include "smi/text.h"

namespace mig::smi {

std::string gpu_line(unsigned index, const std::string& name, const std::string& uuid) {
  return text("GPU %u: %s (UUID: %s)\n", index, name.c_str(), uuid.c_str());
}

std::string gpu_line(const Run& run, const Gpu& gpu) {
  return gpu_line(gpu.index,
                  ask_text(run.nvml.nvmlDeviceGetName, gpu.device),
                  ask_text(run.nvml.nvmlDeviceGetUUID, gpu.device));
}

std::string mig_device_line(unsigned index, const std::string& profile, const std::string& uuid) {
  return text("  MIG %-11s Device %2u: (UUID: %s)\n", profile.c_str(), index, uuid.c_str());
}

std::vector<MigDevice> mig_devices(const Run& run, nvmlDevice_t gpu) {
  unsigned max = 0;
  std::vector<MigDevice> devices;
  if (run.nvml.nvmlDeviceGetMaxMigDeviceCount(gpu, &max) != NVML_SUCCESS) {
    return devices;
  }
  for (unsigned index = 0; index < max; ++index) {
    MigDevice found{index, nullptr};
    if (run.nvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, index, &found.device) == NVML_SUCCESS) {
      devices.push_back(found);
    }
  }
  return devices;
}

int list_gpus(const Run& run, const std::vector<Gpu>& gpus) {
  for (const Gpu& gpu : gpus) {
    nvmlReturn_t code = NVML_SUCCESS;
    const std::string name = ask_text(run.nvml.nvmlDeviceGetName, gpu.device, &code);
    const std::string uuid =
        code == NVML_SUCCESS ? ask_text(run.nvml.nvmlDeviceGetUUID, gpu.device, &code) : "";
    if (code != NVML_SUCCESS) {
      run.print(text("Unable to determine the device handle for GPU %u: %s\n",
                     gpu.index,
                     run.why(code).c_str()));
      return exit_code(code);
    }
    run.print(gpu_line(gpu.index, name, uuid));
    for (const MigDevice& mig : mig_devices(run, gpu.device)) {
      // The MIG device's name ends in its profile: "<GPU name> MIG <profile>".
      const std::string full = ask_text(run.nvml.nvmlDeviceGetName, mig.device);
      const std::string profile = full.substr(full.rfind(' ') + 1);
      run.print(
          mig_device_line(mig.index, profile, ask_text(run.nvml.nvmlDeviceGetUUID, mig.device)));
    }
  }
  return 0;
}

}  // namespace mig::smi
