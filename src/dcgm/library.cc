// SPDX-License-Identifier: Apache-2.0
#include "dcgm/library.h"

#include <dlfcn.h>

#include <fmt/format.h>

namespace mig::dcgm {
namespace {

constexpr const char* kNames[] = {"libdcgm.so.4", "libdcgm.so.3"};
constexpr const char* kHint =
    "install NVIDIA's datacenter-gpu-manager-4-core, or set dcgm_activity: off";

// Why the loader refused the last file.
std::string loader_error() {
  const char* reason = ::dlerror();  // NOLINT(concurrency-mt-unsafe): per thread in glibc
  return reason == nullptr ? "unknown" : reason;
}

// True where the loader found no file of that name, rather than one that it cannot use.
bool is_missing(const std::string& reason, const char* name) {
  return reason.starts_with(name) && reason.find("No such file") != std::string::npos;
}

}  // namespace

Result<Library> load_library() {
  for (const char* name : kNames) {
    void* handle = ::dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle == nullptr) {
      const std::string reason = loader_error();
      if (is_missing(reason, name)) {
        continue;
      }
      return fail(ErrorCode::kNotSupported, fmt::format("cannot load {}: {}", name, reason), kHint);
    }
    Library library{name, {}};
    const char* missing = nullptr;
#define MIG_DCGM_LOAD(function)                                                           \
  library.functions.function =                                                            \
      reinterpret_cast<decltype(library.functions.function)>(::dlsym(handle, #function)); \
  missing = library.functions.function == nullptr && missing == nullptr ? #function : missing;
    MIG_DCGM_FUNCTIONS(MIG_DCGM_LOAD)
#undef MIG_DCGM_LOAD
    if (missing != nullptr) {
      return fail(
          ErrorCode::kNotSupported,
          fmt::format(
              "{} has no function {}: it is of a version that migctl does not know", name, missing),
          "install DCGM 3 or 4");
    }
    return library;
  }
  return fail(ErrorCode::kNotFound, "there is no libdcgm.so.4 and no libdcgm.so.3", kHint);
}

std::string text_of(const Functions& functions, int code) {
  const char* text = functions.errorString == nullptr
                         ? nullptr
                         : functions.errorString(static_cast<dcgmReturn_t>(code));
  return text == nullptr ? fmt::format("DCGM error {}", code) : fmt::format("{} ({})", text, code);
}

}  // namespace mig::dcgm
