// SPDX-License-Identifier: Apache-2.0
// The functions of one loaded libnvidia-ml.so.1, by their NVML names, with NVML's own parameters
// and return codes. A function that the library lacks may still be called: it returns
// NVML_ERROR_FUNCTION_NOT_FOUND, so an old driver needs no special case.
//
//   const nvml::Functions& nvml = session->nvml();
//   unsigned count = 0;
//   nvmlReturn_t code = nvml.nvmlDeviceGetCount_v2(&count);
//   if (nvml.nvmlDeviceGetMemoryInfo_v2) ...        // does the library have it?
//
// Threading: immutable after loading; NVML itself is thread-safe. No globals: two libraries may be
// loaded side by side.
#ifndef MIGCTL_NVML_FUNCTIONS_H_
#define MIGCTL_NVML_FUNCTIONS_H_

#include <type_traits>

#include "abi/nvml.h"
#include "nvml/function_list.h"

namespace mig::nvml {

template <class Signature>
class Function;

template <class R, class... Parameters>
class Function<R(Parameters...)> {
 public:
  using Pointer = R (*)(Parameters...);

  Function() = default;

  explicit Function(Pointer pointer) : pointer_(pointer) {}

  explicit operator bool() const { return pointer_ != nullptr; }

  R operator()(Parameters... arguments) const {
    if (pointer_ != nullptr) {
      return pointer_(arguments...);
    }
    if constexpr (std::is_same_v<R, nvmlReturn_t>) {
      return NVML_ERROR_FUNCTION_NOT_FOUND;
    } else {
      return R{};
    }
  }

 private:
  Pointer pointer_ = nullptr;
};

struct Functions {
// NOLINTNEXTLINE(bugprone-macro-parentheses): a member's name cannot stand in parentheses
#define MIG_NVML_MEMBER(name) Function<decltype(::name)> name;
  MIG_NVML_FUNCTIONS(MIG_NVML_MEMBER)
#undef MIG_NVML_MEMBER
};

// Looks every function up in `library` (a dlopen handle). A name with a version suffix falls back
// to the older symbol where both mean the same (MIG_NVML_FALLBACKS).
Functions load_functions(void* library);

}  // namespace mig::nvml

#endif  // MIGCTL_NVML_FUNCTIONS_H_
