// SPDX-License-Identifier: Apache-2.0
// Texts and exit codes: those of nvidia-smi 580.159.04 itself; published sessions show which of
// them end the command (docs/reference/settings.md lists the assumptions).
#include "smi/settings.h"

#include <algorithm>
#include <array>

#include "smi/modes.h"
#include "smi/setting.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

constexpr const char* kMoveOn = "Treating as warning and moving on.\n";
constexpr const char* kEndsEarly = "Terminating early due to previous errors.\n";

struct Setting {
  OptionSpec spec;
  // nullptr: the value is valid. `value` is the text after the option.
  std::string (*error)(const std::string& value);
  Outcome (*apply)(const Target& target, const std::string& value);
  bool hardware_too;  // allowed on a real driver too
  bool needs_persistence;
};

constexpr auto kNothing = Takes::kNothing;
constexpr auto kValue = Takes::kValue;

constexpr std::array kSettings = {
    Setting{{"-pl", "--power-limit", kValue}, power_error, set_power, false, true},
    Setting{{"-lgc", "--lock-gpu-clocks", kValue}, gpu_clocks_error, lock_gpu_clocks, false, true},
    Setting{{"-rgc", "--reset-gpu-clocks", kNothing}, nullptr, reset_gpu_clocks, false, false},
    Setting{{"-lmc", "--lock-memory-clocks", kValue},
            memory_clocks_error,
            lock_memory_clocks,
            false,
            true},
    Setting{
        {"-rmc", "--reset-memory-clocks", kNothing}, nullptr, reset_memory_clocks, false, false},
    Setting{{"-ac", "--applications-clocks", kValue},
            application_clocks_error,
            set_application_clocks,
            false,
            true},
    Setting{{"-rac", "--reset-applications-clocks", kNothing},
            nullptr,
            reset_application_clocks,
            false,
            false},
    Setting{{"-c", "--compute-mode", kValue}, mode_error, set_compute_mode, true, false},
    Setting{{"-e", "--ecc-config", kValue}, switch_error, set_ecc, false, false},
    Setting{{"-p", "--reset-ecc-errors", kValue}, counter_error, clear_ecc, false, false},
};

const Setting* chosen(const Options& options) {
  const auto* found = std::find_if(kSettings.begin(), kSettings.end(), [&](const Setting& setting) {
    return options.has(setting.spec.name);
  });
  return found == kSettings.end() ? nullptr : found;
}

bool persistence_is_off(const Target& target) {
  nvmlEnableState_t persistence = NVML_FEATURE_ENABLED;
  return target.run.nvml.nvmlDeviceGetPersistenceMode(target.device, &persistence) ==
             NVML_SUCCESS &&
         persistence == NVML_FEATURE_DISABLED;
}

int leave_to_nvidia(const Run& run, const Setting& setting) {
  run.print(text(
      "%s changes clocks, power or memory checks of real hardware, which migctl leaves alone: run "
      "NVIDIA's own nvidia-smi %s as root. Nothing was changed.\n",
      setting.spec.name,
      setting.spec.name));
  return exit_code(NVML_ERROR_NOT_SUPPORTED);
}

}  // namespace

const std::vector<OptionSpec>& setting_specs() {
  static const std::vector<OptionSpec> kSpecs = [] {
    std::vector<OptionSpec> specs;
    specs.reserve(kSettings.size());
    for (const Setting& setting : kSettings) {
      specs.push_back(setting.spec);
    }
    return specs;
  }();
  return kSpecs;
}

unsigned count_settings(const Options& options) {
  return static_cast<unsigned>(
      std::count_if(kSettings.begin(), kSettings.end(), [&](const Setting& setting) {
        return options.has(setting.spec.name);
      }));
}

const char* chosen_setting(const Options& options) {
  const Setting* setting = chosen(options);
  return setting == nullptr ? nullptr : setting->spec.name;
}

UsageError setting_error(const Options& options) {
  const Setting* setting = chosen(options);
  if (setting == nullptr || setting->error == nullptr) {
    return {};
  }
  const std::string value = options.get(setting->spec.name);
  const std::string error = setting->error(value);
  if (error.empty()) {
    return {};
  }
  if (error.rfind("Please format", 0) == 0) {
    return {text("Specified clocks \"%s\" are not valid. %s\n", value.c_str(), error.c_str())};
  }
  if (error.rfind("takes ", 0) == 0) {
    return {text("ERROR: Option %s %s, not \"%s\". Please run 'nvidia-smi -h' for help.\n",
                 setting->spec.name,
                 error.c_str(),
                 value.c_str())};
  }
  return {error + "\n"};
}

int run_setting(const Run& run, const Options& options, const std::vector<Gpu>& gpus) {
  const Setting& setting = *chosen(options);
  if (run.session.control() == nullptr && !setting.hardware_too) {
    return leave_to_nvidia(run, setting);
  }
  bool changed = false;
  for (const Gpu& gpu : gpus) {
    const Target target{run, gpu.device, bus_id(run, gpu.device)};
    const Outcome outcome = setting.apply(target, options.get(setting.spec.name));
    run.print(outcome.line);
    if (outcome.code == NVML_SUCCESS) {
      changed = changed || !outcome.unchanged;
      if (setting.needs_persistence && persistence_is_off(target)) {
        run.print(persistence_warning(target.bus));
      }
    } else if (outcome.warning) {
      run.print(kMoveOn);
    } else {
      run.print(kEndsEarly);
      return exit_code(outcome.code);
    }
  }
  run.print("All done.\n");
  if (changed && setting.apply == set_ecc) {
    run.print("Reboot required.\n");
  }
  return 0;
}

const char* settings_help() {
  return R"(    -c,   --compute-mode=         0/DEFAULT, 2/PROHIBITED, 3/EXCLUSIVE_PROCESS (root)

    simulated machines keep these until a reset; on real hardware they are NVIDIA's own tool's:
    -pl,  --power-limit=          watts
    -lgc, --lock-gpu-clocks=      MIN,MAX or one clock, MHz;  -rgc, --reset-gpu-clocks
    -lmc, --lock-memory-clocks=   MIN,MAX or one clock, MHz;  -rmc, --reset-memory-clocks
    -ac,  --applications-clocks=  MEMORY,GRAPHICS, MHz;  -rac, --reset-applications-clocks
    -e,   --ecc-config=           0/DISABLED, 1/ENABLED, after a reset
    -p,   --reset-ecc-errors=     0/VOLATILE, 1/AGGREGATE
)";
}

}  // namespace mig::smi
