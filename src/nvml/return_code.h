// SPDX-License-Identifier: Apache-2.0
// The meaning of NVML return codes: one table from nvmlReturn_t to ErrorCode, name, text and hint.
// Threading: pure functions.
//
//   if (nvmlReturn_t code = nvml.nvmlGpuInstanceDestroy(gi); code != NVML_SUCCESS)
//     return error_from(code, "cannot destroy GPU instance 3 on GPU 0");
#ifndef MIGCTL_NVML_RETURN_CODE_H_
#define MIGCTL_NVML_RETURN_CODE_H_

#include <string>
#include <string_view>

#include "mig/error.h"

#include "abi/nvml_constants.h"

namespace mig::nvml {

// Constant's name: "NVML_ERROR_IN_USE"; an unknown code is NVML_ERROR_UNKNOWN, never an invented
// name.
std::string_view code_name(nvmlReturn_t code);
// Text of nvmlErrorString: "In use by another client".
std::string_view code_text(nvmlReturn_t code);
ErrorCode error_code(nvmlReturn_t code);

// "<tried>: <text> (<name>)" with the table's hint and the code as the cause.
Error error_from(nvmlReturn_t code, std::string tried);

}  // namespace mig::nvml

#endif  // MIGCTL_NVML_RETURN_CODE_H_
