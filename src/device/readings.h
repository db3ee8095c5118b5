// SPDX-License-Identifier: Apache-2.0
// Inside of device/: converts a return code to a value, an absence, or an error.
#ifndef MIGCTL_DEVICE_READINGS_H_
#define MIGCTL_DEVICE_READINGS_H_

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "mig/result.h"

#include "nvml/functions.h"
#include "nvml/return_code.h"

namespace mig::device {

// Classifies a return code. True: the value was read. False: not supported by this driver or board
// (nullopt for the reader). Error: the GPU is lost, or a failure that every other reading would
// meet too.
inline Result<bool> told(nvmlReturn_t code, std::string_view what) {
  switch (code) {
    case NVML_SUCCESS:
      return true;
    case NVML_ERROR_GPU_IS_LOST:
    case NVML_ERROR_UNINITIALIZED:
    case NVML_ERROR_RESET_REQUIRED:
    case NVML_ERROR_DRIVER_NOT_LOADED:
      return nvml::error_from(code, "cannot read " + std::string(what));
    default:
      return false;
  }
}

// As told(), for readings that decide whether something is destroyed: a list that cannot be read is
// an error, not an empty list.
inline Result<bool> told_of_layout(nvmlReturn_t code, std::string_view what) {
  switch (code) {
    case NVML_SUCCESS:
      return true;
    case NVML_ERROR_NOT_SUPPORTED:
    case NVML_ERROR_FUNCTION_NOT_FOUND:
    case NVML_ERROR_INVALID_ARGUMENT:
    case NVML_ERROR_NOT_FOUND:
      return false;
    default:
      return nvml::error_from(code, "cannot read " + std::string(what));
  }
}

// Race: the object was destroyed by another program during the read. Worth reading again.
inline bool vanished(nvmlReturn_t code) {
  return code == NVML_ERROR_INVALID_ARGUMENT || code == NVML_ERROR_NOT_FOUND;
}

// Text of a call that fills (buffer, size); "" = not reported.
template <class Call>
std::string read_text(Call&& call) {
  std::array<char, NVML_DEVICE_NAME_V2_BUFFER_SIZE> text{};
  return std::forward<Call>(call)(text.data(), static_cast<unsigned>(text.size())) == NVML_SUCCESS
             ? std::string(text.data())
             : std::string();
}

}  // namespace mig::device

#endif  // MIGCTL_DEVICE_READINGS_H_
