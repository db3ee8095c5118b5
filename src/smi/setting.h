// SPDX-License-Identifier: Apache-2.0
// Inside src/smi: one setting of one GPU. Each setting has a function that checks the value
// (`..._error`: "" or the error text) and one that sets it (after the check has passed) and words
// the result.
#ifndef MIGCTL_SMI_SETTING_H_
#define MIGCTL_SMI_SETTING_H_

#include <string>
#include <utility>

#include "smi/run.h"

namespace mig::smi {

// Result for one GPU: the line to print, and the code if it failed. After a warning the command
// goes on to the next GPU.
struct Outcome {
  std::string line;
  nvmlReturn_t code = NVML_SUCCESS;
  bool warning = false;
  bool unchanged = false;  // the setting had this value already
};

inline Outcome warned(std::string line) {
  return {std::move(line), NVML_ERROR_NOT_SUPPORTED, true};
}

// The GPU of a setting.
struct Target {
  const Run& run;
  nvmlDevice_t device;
  std::string bus;

  const char* at() const { return bus.c_str(); }
};

// Failure "<what>: <the driver's text>", which ends the command.
inline Outcome failed(const Target& target, nvmlReturn_t code, const std::string& what) {
  return {what + ": " + target.run.why(code) + "\n", code};
}

// defined in setting_clocks.cc
std::string power_error(const std::string& value);
Outcome set_power(const Target& target, const std::string& value);
std::string gpu_clocks_error(const std::string& value);
Outcome lock_gpu_clocks(const Target& target, const std::string& value);
Outcome reset_gpu_clocks(const Target& target, const std::string& value);
std::string memory_clocks_error(const std::string& value);
Outcome lock_memory_clocks(const Target& target, const std::string& value);
Outcome reset_memory_clocks(const Target& target, const std::string& value);
std::string application_clocks_error(const std::string& value);
Outcome set_application_clocks(const Target& target, const std::string& value);
Outcome reset_application_clocks(const Target& target, const std::string& value);

// defined in setting_modes.cc
std::string mode_error(const std::string& value);
Outcome set_compute_mode(const Target& target, const std::string& value);
std::string switch_error(const std::string& value);
Outcome set_ecc(const Target& target, const std::string& value);
std::string counter_error(const std::string& value);
Outcome clear_ecc(const Target& target, const std::string& value);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_SETTING_H_
