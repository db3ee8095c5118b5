// SPDX-License-Identifier: Apache-2.0
// Writes a result into the caller's memory: null pointers, unknown values and short buffers each
// have their return code.
#ifndef MIGCTL_SIM_EXPORTS_ANSWER_H_
#define MIGCTL_SIM_EXPORTS_ANSWER_H_

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "abi/nvml.h"
#include "sim/machine/state.h"

namespace migsim::exports {

template <class Value, class Out>
nvmlReturn_t put(Value value, Out* out) {
  if (out == nullptr) {
    return NVML_ERROR_INVALID_ARGUMENT;
  }
  *out = static_cast<Out>(value);
  return NVML_SUCCESS;
}

// Returns a figure of the board file; kUnknown is NOT_SUPPORTED.
template <class Out>
nvmlReturn_t put_figure(std::int64_t figure, Out* out) {
  if (out == nullptr) {
    return NVML_ERROR_INVALID_ARGUMENT;
  }
  return figure == kUnknown ? NVML_ERROR_NOT_SUPPORTED : put(figure, out);
}

template <class Value, class Out>
nvmlReturn_t put_reading(const std::optional<Value>& reading, Out* out) {
  if (out == nullptr) {
    return NVML_ERROR_INVALID_ARGUMENT;
  }
  return reading ? put(*reading, out) : NVML_ERROR_NOT_SUPPORTED;
}

// Returns a text of the board file; "" (unknown) is NOT_SUPPORTED.
inline nvmlReturn_t put_text(std::string_view text, char* out, unsigned size) {
  if (out == nullptr) {
    return NVML_ERROR_INVALID_ARGUMENT;
  }
  if (text.empty()) {
    return NVML_ERROR_NOT_SUPPORTED;
  }
  if (text.size() >= size) {
    return NVML_ERROR_INSUFFICIENT_SIZE;
  }
  std::memcpy(out, text.data(), text.size());
  out[text.size()] = '\0';
  return NVML_SUCCESS;
}

template <std::size_t N>
void fill_text(std::string_view text, char (&out)[N]) {
  const std::size_t length = text.size() < N ? text.size() : N - 1;
  std::memset(out, 0, N);
  std::memcpy(out, text.data(), length);
}

// Microseconds since the epoch: the clock of NVML's time stamps.
std::uint64_t wall_clock_us();

}  // namespace migsim::exports

#endif  // MIGCTL_SIM_EXPORTS_ANSWER_H_
