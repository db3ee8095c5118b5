// SPDX-License-Identifier: Apache-2.0
#include "device/display.h"

#include <optional>

namespace mig::device {
namespace {

std::optional<bool> told_switch(nvmlReturn_t code, nvmlEnableState_t state) {
  return code == NVML_SUCCESS ? std::optional(state == NVML_FEATURE_ENABLED) : std::nullopt;
}

}  // namespace

Display read_display(const nvml::Functions& nvml, nvmlDevice_t device) {
  Display display;
  nvmlPciInfoExt_v1_t pci{};
  pci.version = nvmlPciInfoExt_v1;
  if (nvml.nvmlDeviceGetPciInfoExt(device, &pci) == NVML_SUCCESS) {
    display.pci_class = pci.baseClass << 8U | pci.subClass;
  }
  read_display_switches(nvml, device, display);
  return display;
}

void read_display_switches(const nvml::Functions& nvml, nvmlDevice_t device, Display& display) {
  nvmlEnableState_t state = NVML_FEATURE_DISABLED;
  // R580 and later return NVML_ERROR_DEPRECATED.
  nvmlReturn_t code = nvml.nvmlDeviceGetDisplayMode(device, &state);
  display.attached = told_switch(code, state);
  code = nvml.nvmlDeviceGetDisplayActive(device, &state);
  display.active = told_switch(code, state);
}

}  // namespace mig::device
