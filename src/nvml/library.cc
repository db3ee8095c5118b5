// SPDX-License-Identifier: Apache-2.0
#include "nvml/library.h"

#include <dlfcn.h>

#include <link.h>

namespace mig::nvml {

void Library::Close::operator()(void* handle) const {
  dlclose(handle);
}

void Library::leave_loaded() {
  static_cast<void>(handle_.release());
}

std::string Library::file() const {
  const link_map* map = nullptr;
  const bool known = dlinfo(handle_.get(), RTLD_DI_LINKMAP, &map) == 0 && map != nullptr &&
                     map->l_name != nullptr && *map->l_name != '\0';
  return known ? map->l_name : path_;
}

void* Library::symbol(const char* name) const {
  return dlsym(handle_.get(), name);
}

Result<Library> Library::open(const std::string& path) {
  Library library;
  library.path_ = path.empty() ? kDefaultName : path;
  library.handle_.reset(dlopen(library.path_.c_str(), RTLD_NOW | RTLD_LOCAL));
  if (!library.handle_) {
    const char* reason = dlerror();  // NOLINT(concurrency-mt-unsafe): per thread in glibc
    return fail(ErrorCode::kNoDriver,
                "cannot load " + library.path_ + ": " + (reason != nullptr ? reason : "unknown"),
                path.empty() ? "install the NVIDIA driver, or name its library with --nvml-library"
                             : "check the path given with --nvml-library");
  }
  library.functions_ = load_functions(library.handle_.get());
  if (!library.functions_.nvmlInit_v2 || !library.functions_.nvmlShutdown) {
    return fail(ErrorCode::kNoDriver,
                library.path_ + " is no NVML library: it lacks nvmlInit or nvmlShutdown",
                "name the driver's libnvidia-ml.so.1");
  }
  return library;
}

}  // namespace mig::nvml
