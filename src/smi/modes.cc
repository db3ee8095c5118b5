// SPDX-License-Identifier: Apache-2.0
#include "smi/modes.h"

#include "base/strings.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

constexpr const char* kAllDone = "All done.\n";
constexpr const char* kGivingUp = "Terminating early due to previous errors.\n";

// From Hopper on MIG mode lasts only as long as the driver is loaded.
void warn_without_persistence(const Run& run, const Gpu& gpu, const std::string& bus) {
  nvmlEnableState_t persistence = NVML_FEATURE_ENABLED;
  nvmlDeviceArchitecture_t architecture = 0;
  if (run.nvml.nvmlDeviceGetPersistenceMode(gpu.device, &persistence) != NVML_SUCCESS ||
      run.nvml.nvmlDeviceGetArchitecture(gpu.device, &architecture) != NVML_SUCCESS) {
    return;
  }
  if (persistence == NVML_FEATURE_DISABLED && architecture >= NVML_DEVICE_ARCH_HOPPER &&
      architecture != NVML_DEVICE_ARCH_UNKNOWN) {
    run.print(persistence_warning(bus));
  }
}

void report_pending(const Run& run, const std::string& bus, bool enable, nvmlReturn_t reason) {
  run.print(text("Warning: MIG mode is in pending %s state for GPU %s:%s\n",
                 enable ? "enable" : "disable",
                 bus.c_str(),
                 run.why(reason).c_str()));
  if (reason == NVML_ERROR_IN_USE) {
    run.print(text(
        "%s is currently being used by one or more other processes (e.g. CUDA application or a "
        "monitoring application such as another instance of nvidia-smi). Please first kill all "
        "processes using the device and retry the command or reboot the system to make MIG mode "
        "effective.\n",
        bus.c_str()));
  } else {
    run.print(
        text("Reboot the system or try nvidia-smi --gpu-reset to make MIG mode effective on "
             "GPU %s\n",
             bus.c_str()));
  }
}

struct Refused {
  std::string bus;
  nvmlReturn_t code;
};

int report_refused(const Run& run, const std::vector<Refused>& refused) {
  run.print("The following GPUs could not be reset:\n");
  bool in_use = false;
  for (const Refused& gpu : refused) {
    run.print(text("  GPU %s: %s\n", gpu.bus.c_str(), run.why(gpu.code).c_str()));
    in_use = in_use || gpu.code == NVML_ERROR_IN_USE;
  }
  if (in_use) {
    const bool one = refused.size() == 1;
    run.print(
        text("\n%zu device%s currently being used by one or more other processes (e.g., "
             "Fabric Manager, CUDA application, graphics application such as an X server, or "
             "a monitoring application such as another instance of nvidia-smi). Please first "
             "kill all processes using %s and all compute applications running in the "
             "system.\n",
             refused.size(),
             one ? " is" : "s are",
             one ? "this device" : "these devices"));
    return kExitOther;
  }
  return exit_code(refused.front().code);
}

}  // namespace

std::string persistence_warning(const std::string& bus) {
  return text(
      "\nWarning: persistence mode is disabled on device %s. See the Known Issues section of the "
      "nvidia-smi(1) man page for more information. Run with [--help | -h] switch to get more "
      "information on how to enable persistence mode.\n",
      bus.c_str());
}

std::optional<bool> parse_switch(const std::string& value) {
  const std::string word = base::lower(value);
  if (word == "1" || word == "enabled") {
    return true;
  }
  if (word == "0" || word == "disabled") {
    return false;
  }
  return std::nullopt;
}

int set_mig_mode(const Run& run, const std::vector<Gpu>& gpus, bool enable) {
  if (!run.begin_change()) {
    return kExitOther;
  }
  for (const Gpu& gpu : gpus) {
    const std::string bus = bus_id(run, gpu.device);
    nvmlReturn_t activation = NVML_SUCCESS;
    const nvmlReturn_t code = run.nvml.nvmlDeviceSetMigMode(
        gpu.device, enable ? NVML_DEVICE_MIG_ENABLE : NVML_DEVICE_MIG_DISABLE, &activation);
    if (code != NVML_SUCCESS) {
      run.print(text("Unable to %s MIG Mode for GPU %s: %s\n",
                     enable ? "enable" : "disable",
                     bus.c_str(),
                     run.why(code).c_str()));
      if (code != NVML_ERROR_NOT_SUPPORTED) {
        run.print(kGivingUp);
        return exit_code(code);
      }
      run.print("Treating as warning and moving on.\n");
    } else if (activation != NVML_SUCCESS) {
      report_pending(run, bus, enable, activation);
    } else {
      run.print(text("%s MIG Mode for GPU %s\n", enable ? "Enabled" : "Disabled", bus.c_str()));
      warn_without_persistence(run, gpu, bus);
    }
  }
  run.print(kAllDone);
  return 0;
}

int set_persistence_mode(const Run& run, const std::vector<Gpu>& gpus, bool enable) {
  const char* state = enable ? "Enabled" : "Disabled";
  for (const Gpu& gpu : gpus) {
    const std::string bus = bus_id(run, gpu.device);
    const nvmlEnableState_t wanted = enable ? NVML_FEATURE_ENABLED : NVML_FEATURE_DISABLED;
    nvmlEnableState_t now = NVML_FEATURE_DISABLED;
    nvmlReturn_t code = run.nvml.nvmlDeviceGetPersistenceMode(gpu.device, &now);
    if (code == NVML_SUCCESS && now == wanted) {
      run.print(text("Persistence mode is already %s for GPU %s.\n", state, bus.c_str()));
      continue;
    }
    code = run.nvml.nvmlDeviceSetPersistenceMode(gpu.device, wanted);
    if (code != NVML_SUCCESS) {
      run.print(text(
          "Unable to set persistence mode for GPU %s: %s\n", bus.c_str(), run.why(code).c_str()));
      if (code != NVML_ERROR_NOT_SUPPORTED) {
        run.print(kGivingUp);
        return exit_code(code);
      }
      run.print("Treating as warning and moving on.\n");
    } else {
      run.print(text("%s persistence mode for GPU %s.\n", state, bus.c_str()));
    }
  }
  run.print(kAllDone);
  return 0;
}

int reset_gpus(const Run& run, const std::vector<Gpu>& gpus) {
  const migsim_control* control = run.session.control();
  if (control == nullptr) {
    run.print(
        "Resetting a GPU of a real machine is not done here: NVML has no call for it, only "
        "NVIDIA's "
        "own nvidia-smi can. Run its `nvidia-smi --gpu-reset -i <index>` as root, or reboot.\n");
    return exit_code(NVML_ERROR_NOT_SUPPORTED);
  }
  if (!run.begin_change()) {
    return kExitOther;
  }
  std::vector<Refused> refused;
  for (const Gpu& gpu : gpus) {
    const std::string bus = bus_id(run, gpu.device);
    const auto code = static_cast<nvmlReturn_t>(control->reset_gpu(gpu.index));
    if (code == NVML_ERROR_NOT_SUPPORTED) {
      run.print(text("Resetting GPU %s is not supported.\n", bus.c_str()));
      return exit_code(code);
    }
    if (code == NVML_SUCCESS) {
      run.print(text("GPU %s was successfully reset.\n", bus.c_str()));
    } else {
      refused.push_back({bus, code});
    }
  }
  if (!refused.empty()) {
    return report_refused(run, refused);
  }
  run.print(kAllDone);
  return 0;
}

}  // namespace mig::smi
