// SPDX-License-Identifier: Apache-2.0
#include "compat/driver.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <link.h>

#include "compat/forwards.h"

namespace mig::compat {
namespace {

constexpr std::size_t kUuidRoom = 64;
constexpr std::size_t kTroubleRoom = 512;

// Plain data, so that calls from other libraries' constructors and exit handlers find it whole.
void* driver = nullptr;
char uuid[kUuidRoom];
char trouble[kTroubleRoom];

const link_map* map_of(void* handle) {
  const link_map* map = nullptr;
  return dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 ? map : nullptr;
}

// True for this very library: a call forwarded to it would never end.
bool is_this_library(void* handle) {
  Dl_info here{};
  void* self = nullptr;
  return dladdr1(reinterpret_cast<void*>(&is_this_library), &here, &self, RTLD_DL_LINKMAP) != 0 &&
         map_of(handle) == self;
}

void load_driver(const char* path) {
  if (path == nullptr || *path != '/') {
    std::snprintf(trouble,
                  sizeof trouble,
                  "MIGCTL_COMPAT_NVML does not name the driver's library by an absolute path");
    return;
  }
  int flags = RTLD_NOW | RTLD_LOCAL;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // The driver's calls of its own functions must not come back here. Sanitizers refuse the flag.
  flags |= RTLD_DEEPBIND;
#endif
  void* handle = dlopen(path, flags);
  if (handle == nullptr) {
    const char* reason = dlerror();  // NOLINT(concurrency-mt-unsafe): per thread in glibc
    std::snprintf(trouble,
                  sizeof trouble,
                  "cannot load the driver's library: %s",
                  reason != nullptr ? reason : path);
    return;
  }
  if (is_this_library(handle)) {
    std::snprintf(trouble, sizeof trouble, "MIGCTL_COMPAT_NVML names the view itself: %s", path);
    return;
  }
  driver = handle;
}

// Before every other constructor of this library.
__attribute__((constructor(101))) void begin() {
  // NOLINTBEGIN(concurrency-mt-unsafe): while the library is loaded
  if (const char* wanted = secure_getenv("MIGCTL_COMPAT_UUID"); wanted != nullptr) {
    if (std::strlen(wanted) < sizeof uuid) {
      std::strncpy(uuid, wanted, sizeof uuid - 1);
    }
  }
  load_driver(secure_getenv("MIGCTL_COMPAT_NVML"));
  // NOLINTEND(concurrency-mt-unsafe)
  for (unsigned i = 0; i < migctl_compat_count; ++i) {
    if (void* function = driver_symbol(migctl_compat_names[i])) {
      migctl_compat_slots[i] = reinterpret_cast<migctl_compat_function>(function);
    }
  }
}

}  // namespace

void* driver_symbol(const char* name) {
  return driver == nullptr ? nullptr : dlsym(driver, name);
}

const char* view_uuid() {
  return uuid;
}

const char* driver_trouble() {
  return trouble;
}

}  // namespace mig::compat

extern "C" nvmlReturn_t migctl_compat_absent(void) {
  return *mig::compat::driver_trouble() == '\0' ? NVML_ERROR_FUNCTION_NOT_FOUND
                                                : NVML_ERROR_LIBRARY_NOT_FOUND;
}
