// SPDX-License-Identifier: Apache-2.0
// Compute mode and ECC.
#include <algorithm>
#include <array>
#include <optional>

#include "base/strings.h"
#include "smi/modes.h"
#include "smi/setting.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

struct Mode {
  const char* name;
  nvmlComputeMode_t mode;
};

constexpr std::array kModes = {Mode{"DEFAULT", NVML_COMPUTEMODE_DEFAULT},
                               Mode{"EXCLUSIVE_THREAD", NVML_COMPUTEMODE_EXCLUSIVE_THREAD},
                               Mode{"PROHIBITED", NVML_COMPUTEMODE_PROHIBITED},
                               Mode{"EXCLUSIVE_PROCESS", NVML_COMPUTEMODE_EXCLUSIVE_PROCESS}};

const Mode* parse_mode(const std::string& value) {
  const auto* found = std::find_if(kModes.begin(), kModes.end(), [&](const Mode& mode) {
    return base::lower(value) == base::lower(mode.name) ||
           value == std::to_string(static_cast<int>(mode.mode));
  });
  return found == kModes.end() ? nullptr : found;
}

std::optional<nvmlEccCounterType_t> parse_counter(const std::string& value) {
  const std::string word = base::lower(value);
  if (word == "0" || word == "volatile") {
    return NVML_VOLATILE_ECC;
  }
  if (word == "1" || word == "aggregate") {
    return NVML_AGGREGATE_ECC;
  }
  return std::nullopt;
}

bool mig_is_on(const Target& target) {
  unsigned current = NVML_DEVICE_MIG_DISABLE;
  unsigned pending = NVML_DEVICE_MIG_DISABLE;
  return target.run.nvml.nvmlDeviceGetMigMode(target.device, &current, &pending) == NVML_SUCCESS &&
         current == NVML_DEVICE_MIG_ENABLE;
}

}  // namespace

std::string mode_error(const std::string& value) {
  const Mode* mode = parse_mode(value);
  if (mode == nullptr) {
    return "takes 0/DEFAULT, 2/PROHIBITED or 3/EXCLUSIVE_PROCESS";
  }
  return mode->mode == NVML_COMPUTEMODE_EXCLUSIVE_THREAD
             ? "Exclusive_Thread was deprecated! Use value 3:Exclusive_Process instead."
             : "";
}

Outcome set_compute_mode(const Target& target, const std::string& value) {
  const Mode& wanted = *parse_mode(value);
  nvmlComputeMode_t now = NVML_COMPUTEMODE_DEFAULT;
  nvmlReturn_t code = target.run.nvml.nvmlDeviceGetComputeMode(target.device, &now);
  if (code == NVML_SUCCESS && now == wanted.mode) {
    return {text("Compute mode is already set to %s for GPU %s.\n", wanted.name, target.at()),
            NVML_SUCCESS,
            false,
            true};
  }
  if (mig_is_on(target)) {
    return warned(text("Setting compute mode to %s is not supported on a MIG-enabled device.\n",
                       wanted.name));
  }
  code = target.run.nvml.nvmlDeviceSetComputeMode(target.device, wanted.mode);
  if (code == NVML_ERROR_NOT_SUPPORTED) {
    return warned(text("Setting compute mode to %s is not supported.\n", wanted.name));
  }
  if (code != NVML_SUCCESS) {
    return failed(target, code, text("Unable to set the compute mode for GPU %s", target.at()));
  }
  return {text("Set compute mode to %s for GPU %s.\n", wanted.name, target.at())};
}

std::string switch_error(const std::string& value) {
  return parse_switch(value) ? "" : "takes 0/DISABLED or 1/ENABLED";
}

Outcome set_ecc(const Target& target, const std::string& value) {
  const nvmlEnableState_t wanted =
      *parse_switch(value) ? NVML_FEATURE_ENABLED : NVML_FEATURE_DISABLED;
  const char* word = wanted == NVML_FEATURE_ENABLED ? "Enabled" : "Disabled";
  nvmlEnableState_t current = NVML_FEATURE_DISABLED;
  nvmlEnableState_t pending = NVML_FEATURE_DISABLED;
  nvmlReturn_t code = target.run.nvml.nvmlDeviceGetEccMode(target.device, &current, &pending);
  if (code == NVML_SUCCESS && pending == wanted) {
    return {text("ECC support is already %s for GPU %s.\n", word, target.at()),
            NVML_SUCCESS,
            false,
            true};
  }
  code = target.run.nvml.nvmlDeviceSetEccMode(target.device, wanted);
  if (code == NVML_ERROR_NOT_SUPPORTED) {
    return warned(text("ECC features not supported for GPU %s.\n", target.at()));
  }
  if (code != NVML_SUCCESS) {
    return failed(target, code, text("Unable to set ECC config for GPU %s", target.at()));
  }
  return {text("%s ECC support for GPU %s.\n", word, target.at())};
}

std::string counter_error(const std::string& value) {
  return parse_counter(value) ? "" : "takes 0/VOLATILE or 1/AGGREGATE";
}

Outcome clear_ecc(const Target& target, const std::string& value) {
  const nvmlEccCounterType_t counter = *parse_counter(value);
  if (mig_is_on(target)) {
    return warned("Clearing ECC errors is not supported on a MIG-enabled device.\n");
  }
  const nvmlReturn_t code = target.run.nvml.nvmlDeviceClearEccErrorCounts(target.device, counter);
  if (code == NVML_ERROR_NOT_SUPPORTED) {
    return warned(text("Clearing ECC errors is not supported for GPU %s.\n", target.at()));
  }
  if (code != NVML_SUCCESS) {
    return failed(target, code, text("Unable to clear ECC errors for GPU %s", target.at()));
  }
  return {text("Reset %s ECC errors to zero for GPU %s.\n",
               counter == NVML_VOLATILE_ECC ? "volatile" : "aggregate",
               target.at())};
}

}  // namespace mig::smi
