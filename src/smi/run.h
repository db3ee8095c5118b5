// SPDX-License-Identifier: Apache-2.0
// Context of one command on an open session: where to print, and the texts of NVML's codes. Exit
// codes are NVML's own where a call failed. Not thread-safe.
#ifndef MIGCTL_SMI_RUN_H_
#define MIGCTL_SMI_RUN_H_

#include <cstdio>
#include <functional>
#include <string>
#include <string_view>

#include "nvml/session.h"

namespace mig::smi {

constexpr int kExitUsage = 2;     // nvidia-smi: a supplied argument or flag is invalid
constexpr int kExitNotFound = 6;  // nvidia-smi: a query to find an object was unsuccessful
constexpr int kExitOther = 255;

struct Run {
  const nvml::Session& session;
  const nvml::Functions& nvml;
  std::FILE* out;
  std::FILE* err;
  const std::function<Result<void>()>* before_change = nullptr;  // from SmiContext; not owned

  void print(std::string_view what) const { std::fwrite(what.data(), 1, what.size(), out); }

  // Called by each command before its first call that changes modes or instances. False: it must
  // change nothing, and the reason is printed.
  [[nodiscard]] bool begin_change() const;

  // The driver's text for `code`.
  std::string why(nvmlReturn_t code) const;
};

// A return code as an exit status: 999 (Unknown Error) becomes 255.
int exit_code(nvmlReturn_t code);

// A GPU that the command works on. `device` is owned by NVML.
struct Gpu {
  unsigned index = 0;
  nvmlDevice_t device = nullptr;
};

// Calls an NVML text query; "" on failure, with the code in *code.
template <class Query>
std::string ask_text(const Query& query, nvmlDevice_t device, nvmlReturn_t* code = nullptr) {
  char buffer[NVML_DEVICE_NAME_V2_BUFFER_SIZE] = {};
  const nvmlReturn_t answer = query(device, buffer, sizeof buffer);
  if (code != nullptr) {
    *code = answer;
  }
  return answer == NVML_SUCCESS ? buffer : "";
}

// PCI bus id "00000000:3B:00.0"; "" if not reported.
std::string bus_id(const Run& run, nvmlDevice_t device);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_RUN_H_
