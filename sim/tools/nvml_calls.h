// SPDX-License-Identifier: Apache-2.0
// Calls into a loaded and initialised NVML library by name: the driver's or a simulated machine's.
// The caller loads it (migctl selects one driver for all its commands).
//
//   unsigned count = 0;
//   nvmlReturn_t code = MIGSIM_NVML(calls, nvmlDeviceGetCount_v2, &count);
//
// Threading: as the library's. The lookup must outlive the object.
#ifndef MIGCTL_SIM_TOOLS_NVML_CALLS_H_
#define MIGCTL_SIM_TOOLS_NVML_CALLS_H_

#include <utility>

#include "abi/nvml.h"
#include "sim/tools/sim_cli.h"

namespace migsim {

class NvmlCalls {
 public:
  explicit NvmlCalls(SymbolLookup lookup) : lookup_(std::move(lookup)) {}

  // Calls a function of the library; NVML_ERROR_FUNCTION_NOT_FOUND when the library lacks it.
  template <class Function, class... Arguments>
  nvmlReturn_t call(const char* name, Arguments... arguments) const {
    auto* function = reinterpret_cast<Function>(lookup_(name));
    return function == nullptr ? NVML_ERROR_FUNCTION_NOT_FOUND : function(arguments...);
  }

 private:
  SymbolLookup lookup_;
};

}  // namespace migsim

// NOLINTNEXTLINE(cppcoreguidelines-macro-usage): the name is needed as text and as type
#define MIGSIM_NVML(calls, function, ...) \
  (calls).call<decltype(&(function))>(#function, __VA_ARGS__)

#endif  // MIGCTL_SIM_TOOLS_NVML_CALLS_H_
