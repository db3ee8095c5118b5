// SPDX-License-Identifier: Apache-2.0
#include "nvml/functions.h"

#include <dlfcn.h>

namespace mig::nvml {
namespace {

template <class F>
F look_up(void* library, const char* name) {
  return F(reinterpret_cast<typename F::Pointer>(dlsym(library, name)));
}

}  // namespace

Functions load_functions(void* library) {
  Functions functions;
#define MIG_NVML_LOOK_UP(name) functions.name = look_up<decltype(functions.name)>(library, #name);
  MIG_NVML_FUNCTIONS(MIG_NVML_LOOK_UP)
#undef MIG_NVML_LOOK_UP
#define MIG_NVML_FALL_BACK(newer, older) \
  if (!functions.newer)                  \
    functions.newer = functions.older;
  MIG_NVML_FALLBACKS(MIG_NVML_FALL_BACK)
#undef MIG_NVML_FALL_BACK
  return functions;
}

}  // namespace mig::nvml
