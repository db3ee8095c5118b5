// SPDX-License-Identifier: Apache-2.0
#include "sim/exports/stub.h"

#include "sim/exports/dispatch.h"

extern "C" nvmlReturn_t migsim_refused(const char* function, const void* device) {
  return migsim::exports::read_device(function,
                                      static_cast<nvmlDevice_t>(const_cast<void*>(device)),
                                      [](const auto&) { return NVML_ERROR_NOT_SUPPORTED; });
}

extern "C" nvmlReturn_t migsim_unsupported(const char* function) {
  return migsim::exports::call(function, [](migsim::Machine&) { return NVML_ERROR_NOT_SUPPORTED; });
}
