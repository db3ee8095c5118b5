// SPDX-License-Identifier: Apache-2.0
#include "service/driver_code.h"

#include "nvml/return_code.h"

namespace mig::service {

std::string nvml_name(const Error& error) {
  if (!error.nvml) {
    return {};
  }
  return std::string(nvml::code_name(static_cast<nvmlReturn_t>(*error.nvml)));
}

}  // namespace mig::service
