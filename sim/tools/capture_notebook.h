// SPDX-License-Identifier: Apache-2.0
// Inside capture: records each figure with its origin, or the reason why it is unknown.
#ifndef MIGCTL_SIM_TOOLS_CAPTURE_NOTEBOOK_H_
#define MIGCTL_SIM_TOOLS_CAPTURE_NOTEBOOK_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "sim/tools/capture.h"
#include "sim/tools/fault_spec.h"

namespace migsim {

// Copies a text into a field that may be shorter: as much as there is room for, and its end.
template <std::size_t N>
void copy_text(const char* text, char (&field)[N]) {
  const std::size_t length = ::strnlen(text, N - 1);
  std::copy_n(text, length, field);
  field[length] = '\0';
}

class Notebook {
 public:
  Notebook(const NvmlCalls& calls, nvmlDevice_t device, Capture& out)
      : calls_(calls), device_(device), out_(out) {}

  const NvmlCalls& calls() const { return calls_; }

  nvmlDevice_t device() const { return device_; }

  Board& board() const { return out_.board; }

  bool told(const std::string& path, nvmlReturn_t code, const char* call) const {
    if (code == NVML_SUCCESS) {
      out_.origins[path] = out_.measured();
      out_.untold.erase(path);
      return true;
    }
    out_.origins.erase(path);
    out_.untold[path] = std::string(call) + " answers " + nvml_name(code);
    return false;
  }

  void untold(const std::string& path, const std::string& why) const { out_.untold[path] = why; }

  void derived(const std::string& path, const std::string& how) const {
    out_.untold.erase(path);
    out_.origins[path] = out_.derived(how);
  }

  // Reads a figure by a call of the form f(device, unsigned*).
  template <class Function>
  void number(const char* call, const std::string& path, std::int64_t Board::*field) const {
    unsigned value = 0;
    if (told(path, calls_.call<Function>(call, device_, &value), call)) {
      board().*field = value;
    }
  }

  template <class Function, std::size_t N>
  void text(const char* call, const std::string& path, char (&field)[N]) const {
    std::array<char, 96> value{};
    const nvmlReturn_t code =
        calls_.call<Function>(call, device_, value.data(), static_cast<unsigned>(value.size()));
    // An empty text counts as not reported (a simulated board without the figure).
    if (told(path, code == NVML_SUCCESS && value[0] == '\0' ? NVML_ERROR_NO_DATA : code, call)) {
      copy_text(value.data(), field);
    }
  }

 private:
  const NvmlCalls& calls_;
  nvmlDevice_t device_;
  Capture& out_;
};

// NOLINTNEXTLINE(cppcoreguidelines-macro-usage): the name is needed as text and as type
#define MIGSIM_NUMBER(book, function, path, field) \
  (book).number<decltype(&(function))>(#function, path, field)

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_CAPTURE_NOTEBOOK_H_
