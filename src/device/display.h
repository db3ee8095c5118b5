// SPDX-License-Identifier: Apache-2.0
// Inside of device/: display state of a GPU.
#ifndef MIGCTL_DEVICE_DISPLAY_H_
#define MIGCTL_DEVICE_DISPLAY_H_

#include "mig/inventory.h"

#include "nvml/functions.h"

namespace mig::device {

// Readings that the driver does not support, or fails, are unknown: nothing is refused for these
// alone.
Display read_display(const nvml::Functions& nvml, nvmlDevice_t device);

// Reads the volatile part of `display` again: attached and active. The PCI class is constant, and a
// driver may read the configuration space of the device for it.
void read_display_switches(const nvml::Functions& nvml, nvmlDevice_t device, Display& display);

}  // namespace mig::device

#endif  // MIGCTL_DEVICE_DISPLAY_H_
