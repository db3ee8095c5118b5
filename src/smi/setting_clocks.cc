// SPDX-License-Identifier: Apache-2.0
// Power limit and clocks.
#include <algorithm>
#include <array>
#include <optional>

#include "base/strings.h"
#include "smi/setting.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

constexpr unsigned kMaxMhz = 1000000;
constexpr unsigned kMaxWatts = 100000;
constexpr const char* kSupportedClocks =
    "Run 'nvidia-smi -q -d SUPPORTED_CLOCKS' to see list of supported clock combinations";

using Pair = std::pair<unsigned, unsigned>;

// Parses watts, "250" or "250.5", into milliwatts.
std::optional<unsigned> parse_milliwatts(const std::string& value) {
  const std::size_t dot = std::min(value.find('.'), value.size());
  const auto watts = base::parse_decimal(value.substr(0, dot), kMaxWatts);
  const std::string fraction = dot < value.size() ? value.substr(dot + 1) : "0";
  if (!watts || fraction.empty() || fraction.size() > 3 ||
      fraction.find_first_not_of("0123456789") != std::string::npos) {
    return std::nullopt;
  }
  unsigned milliwatts = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    milliwatts =
        milliwatts * 10 + (i < fraction.size() ? static_cast<unsigned>(fraction[i] - '0') : 0U);
  }
  return static_cast<unsigned>(*watts * 1000) + milliwatts;
}

// Parses "1500,1600"; a single number counts as both if `one_is_both`.
std::optional<Pair> parse_clock_pair(const std::string& value, bool one_is_both) {
  const std::size_t comma = value.find(',');
  if (comma == std::string::npos && !one_is_both) {
    return std::nullopt;
  }
  const auto first = base::parse_decimal(value.substr(0, comma), kMaxMhz);
  const auto second =
      comma == std::string::npos ? first : base::parse_decimal(value.substr(comma + 1), kMaxMhz);
  if (!first || !second) {
    return std::nullopt;
  }
  return Pair(static_cast<unsigned>(*first), static_cast<unsigned>(*second));
}

Outcome no_permission(const Target& target) {
  return {
      text("The current user does not have permission to change clocks for GPU %s.\n", target.at()),
      NVML_ERROR_NO_PERMISSION,
      false};
}

double watts(unsigned milliwatts) {
  return milliwatts / 1000.0;
}

Outcome clocks_outcome(const Target& target,
                       nvmlReturn_t code,
                       const char* feature,
                       const std::string& clocks,
                       const char* kind) {
  switch (code) {
    case NVML_SUCCESS:
      return {text("%s clocks set to \"%s\" for GPU %s\n", kind, clocks.c_str(), target.at())};
    case NVML_ERROR_NOT_SUPPORTED:
      return warned(text("Setting %s is not supported for GPU %s.\n", feature, target.at()));
    case NVML_ERROR_INVALID_ARGUMENT:
      return warned(text("Specified clock combination \"%s\" is not supported for GPU %s. %s\n",
                         clocks.c_str(),
                         target.at(),
                         kSupportedClocks));
    case NVML_ERROR_NO_PERMISSION:
      return no_permission(target);
    default:
      return failed(
          target,
          code,
          text("Unable to set %s \"%s\" for GPU %s", feature, clocks.c_str(), target.at()));
  }
}

// Success prints nothing.
Outcome reset_outcome(const Target& target, nvmlReturn_t code, const char* clocks) {
  if (code == NVML_ERROR_NOT_SUPPORTED) {
    return warned(text("Setting %s is not supported for GPU %s.\n", clocks, target.at()));
  }
  if (code == NVML_ERROR_NO_PERMISSION) {
    return no_permission(target);
  }
  return code == NVML_SUCCESS
             ? Outcome{}
             : failed(target, code, text("Unable to reset %s for GPU %s", clocks, target.at()));
}

}  // namespace

std::string power_error(const std::string& value) {
  return parse_milliwatts(value) ? "" : "takes watts, such as 250 or 250.5";
}

Outcome set_power(const Target& target, const std::string& value) {
  const nvml::Functions& nvml = target.run.nvml;
  const unsigned wanted = *parse_milliwatts(value);
  unsigned before = 0;
  unsigned low = 0;
  unsigned high = 0;
  nvmlReturn_t code = nvml.nvmlDeviceGetPowerManagementLimit(target.device, &before);
  if (code == NVML_SUCCESS) {
    code = nvml.nvmlDeviceGetPowerManagementLimitConstraints(target.device, &low, &high);
  }
  if (code == NVML_SUCCESS && (wanted < low || wanted > high)) {
    return {text("Provided power limit %.2f W is not a valid power limit which should be between "
                 "%.2f W and %.2f W for GPU %s\n",
                 watts(wanted),
                 watts(low),
                 watts(high),
                 target.at()),
            NVML_ERROR_INVALID_ARGUMENT,
            false};
  }
  if (code == NVML_SUCCESS) {
    code = nvml.nvmlDeviceSetPowerManagementLimit(target.device, wanted);
  }
  if (code == NVML_ERROR_NOT_SUPPORTED) {
    return warned(
        text("Changing power management limit is not supported for GPU: %s.\n", target.at()));
  }
  if (code != NVML_SUCCESS) {
    return failed(
        target, code, text("Failed to set power management limit for GPU %s", target.at()));
  }
  return {text("Power limit for GPU %s was set to %.2f W from %.2f W.\n",
               target.at(),
               watts(wanted),
               watts(before))};
}

std::string gpu_clocks_error(const std::string& value) {
  return parse_clock_pair(value, true)
             ? ""
             : "Please format input as 'gpuClkMin,gpuClkMax' or 'gpuClkVal' "
               "e.g. '--lock-gpu-clocks=1500,1500', '--lock-gpu-clocks=1500'"
               ", or '--lock-gpu-clocks=tdp,unlimited'";
}

std::string memory_clocks_error(const std::string& value) {
  return parse_clock_pair(value, true)
             ? ""
             : "Please format input as 'memClkMin,memClkMax' or 'memClkVal' "
               "e.g. --lock-memory-clocks=5100,5100 or "
               "--lock-memory-clocks=5100";
}

std::string application_clocks_error(const std::string& value) {
  return parse_clock_pair(value, false)
             ? ""
             : "Please format input as memClk,smClk e.g. --applications-clocks=2000,300";
}

Outcome lock_gpu_clocks(const Target& target, const std::string& value) {
  const auto [low, high] = *parse_clock_pair(value, true);
  return clocks_outcome(target,
                        target.run.nvml.nvmlDeviceSetGpuLockedClocks(target.device, low, high),
                        "locked GPU clocks",
                        text("(gpuClkMin %u, gpuClkMax %u)", low, high),
                        "GPU");
}

Outcome lock_memory_clocks(const Target& target, const std::string& value) {
  const auto [low, high] = *parse_clock_pair(value, true);
  return clocks_outcome(target,
                        target.run.nvml.nvmlDeviceSetMemoryLockedClocks(target.device, low, high),
                        "locked Memory clocks",
                        text("(memClkMin %u, memClkMax %u)", low, high),
                        "Memory");
}

Outcome set_application_clocks(const Target& target, const std::string& value) {
  const auto [memory, sm] = *parse_clock_pair(value, false);
  return clocks_outcome(target,
                        target.run.nvml.nvmlDeviceSetApplicationsClocks(target.device, memory, sm),
                        "applications clocks",
                        text("(MEM %u, SM %u)", memory, sm),
                        "Applications");
}

Outcome reset_gpu_clocks(const Target& target, const std::string& /*value*/) {
  return reset_outcome(
      target, target.run.nvml.nvmlDeviceResetGpuLockedClocks(target.device), "locked gpu clocks");
}

Outcome reset_memory_clocks(const Target& target, const std::string& /*value*/) {
  return reset_outcome(target,
                       target.run.nvml.nvmlDeviceResetMemoryLockedClocks(target.device),
                       "locked Memory clocks");
}

Outcome reset_application_clocks(const Target& target, const std::string& /*value*/) {
  return reset_outcome(target,
                       target.run.nvml.nvmlDeviceResetApplicationsClocks(target.device),
                       "applications clocks");
}

}  // namespace mig::smi
