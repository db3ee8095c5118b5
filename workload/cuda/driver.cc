// SPDX-License-Identifier: Apache-2.0
#include "workload/cuda/driver.h"

#include <dlfcn.h>

#include <mutex>

namespace workload::cuda {

namespace {

struct Loaded {
  Driver driver;
  std::string error;
};

Loaded load() {
  Loaded loaded;
  void* library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    loaded.error = std::string("no CUDA driver: ") + dlerror();  // NOLINT(concurrency-mt-unsafe)
    return loaded;
  }
// NOLINTBEGIN(bugprone-macro-parentheses): args is a parameter list
#define WORKLOAD_CUDA_LOAD(name, args)                                        \
  loaded.driver.name = reinterpret_cast<Code(*) args>(dlsym(library, #name)); \
  if (loaded.driver.name == nullptr)                                          \
    loaded.error = "the CUDA driver lacks " #name ": it is older than CUDA 11.4";
  WORKLOAD_CUDA_CALLS(WORKLOAD_CUDA_LOAD)
#undef WORKLOAD_CUDA_LOAD
  // NOLINTEND(bugprone-macro-parentheses)
  if (loaded.error.empty()) {
    if (const Code code = loaded.driver.cuInit(0); code != kSuccess) {
      loaded.error = loaded.driver.explain("cuInit", code);
    }
  }
  return loaded;
}

}  // namespace

const Driver* Driver::open(std::string& error) {
  static const Loaded kLoaded = load();
  error = kLoaded.error;
  return kLoaded.error.empty() ? &kLoaded.driver : nullptr;
}

std::string Driver::explain(const char* call, Code code) const {
  const char* name = nullptr;
  const char* words = nullptr;
  if (cuGetErrorName(code, &name) != kSuccess || name == nullptr) {
    name = "unknown code";
  }
  if (cuGetErrorString(code, &words) != kSuccess || words == nullptr) {
    words = "no text";
  }
  return std::string(call) + ": " + name + " (" + words + ")";
}

}  // namespace workload::cuda
