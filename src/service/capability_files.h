// SPDX-License-Identifier: Apache-2.0
// Inside of service/: who makes the device nodes of instances, and sets their modes.
//
// The driver makes none: its helper does, nvidia-modprobe, which is setuid root and which any user
// can run (libcuda does). It makes the node and sets its mode to 0444 whenever it is asked, unless
// the capability's file below /proc/driver/nvidia/capabilities says "DeviceFileModify: 0", which
// root can write; then it does nothing, also where the node is missing. A new instance's file
// says what the module parameter NVreg_ModifyDeviceFiles does (1 by default).
//
// Evidence: open-gpu-kernel-modules, kernel-open/nvidia/nv-caps.c, and nvidia-modprobe,
// modprobe-utils/nvidia-modprobe-utils.c. Not tried on a real driver.
#ifndef MIGCTL_SERVICE_CAPABILITY_FILES_H_
#define MIGCTL_SERVICE_CAPABILITY_FILES_H_

#include "mig/inventory.h"

#include "base/fd.h"
#include "launch/confine.h"

namespace mig::service {

// Keeps the helper off the nodes of all instances, and makes those that are missing, open to root
// only. `folder`: <dev>/nvidia-caps. For root; what cannot be done is left to the helper.
void keep_helper_off(const launch::DeviceRoots& roots,
                     const base::Fd& folder,
                     const Inventory& now);

// Lets the helper do again what the module parameter says.
void let_helper_again(const launch::DeviceRoots& roots);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_CAPABILITY_FILES_H_
