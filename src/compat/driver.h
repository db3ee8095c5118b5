// SPDX-License-Identifier: Apache-2.0
// Inside of compat/: the driver's own libnvidia-ml.so.1, over which this library is a view. It is
// loaded once, when this library is, from the path in $MIGCTL_COMPAT_NVML, and never unloaded.
//
// Threading: everything here is constant once the library is loaded.
#ifndef MIGCTL_COMPAT_DRIVER_H_
#define MIGCTL_COMPAT_DRIVER_H_

namespace mig::compat {

// Function of the driver's library; nullptr when that lacks it, or there is none.
void* driver_symbol(const char* name);

// UUID of the instance that is the view's device 0; "" = no view: every call is forwarded as it is.
const char* view_uuid();

// Why there is no driver's library; "" when there is one.
const char* driver_trouble();

}  // namespace mig::compat

#endif  // MIGCTL_COMPAT_DRIVER_H_
