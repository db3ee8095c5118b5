// SPDX-License-Identifier: Apache-2.0
#include "smi/run.h"

#include "nvml/return_code.h"

namespace mig::smi {

std::string Run::why(nvmlReturn_t code) const {
  const char* words = nvml.nvmlErrorString(code);
  return words != nullptr ? std::string(words) : std::string(nvml::code_text(code));
}

bool Run::begin_change() const {
  if (before_change == nullptr || !*before_change) {
    return true;
  }
  const auto may = (*before_change)();
  if (!may) {
    const std::string text = may.error().text() + "\n" + may.error().hint + "\n";
    std::fwrite(text.data(), 1, text.size(), err);
  }
  return may.has_value();
}

int exit_code(nvmlReturn_t code) {
  return code >= 0 && code < kExitOther ? static_cast<int>(code) : kExitOther;
}

std::string bus_id(const Run& run, nvmlDevice_t device) {
  nvmlPciInfo_t pci{};
  return run.nvml.nvmlDeviceGetPciInfo_v3(device, &pci) == NVML_SUCCESS ? pci.busId : "";
}

}  // namespace mig::smi
