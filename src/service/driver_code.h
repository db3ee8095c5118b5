// SPDX-License-Identifier: Apache-2.0
// The name of the driver's return code in an error, for documents (wire::error_document).
// Threading: a pure function.
#ifndef MIGCTL_SERVICE_DRIVER_CODE_H_
#define MIGCTL_SERVICE_DRIVER_CODE_H_

#include <string>

#include "mig/error.h"

namespace mig::service {

// "NVML_ERROR_IN_USE"; "" when the driver is not the cause.
std::string nvml_name(const Error& error);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_DRIVER_CODE_H_
