// SPDX-License-Identifier: Apache-2.0
// A loaded libnvidia-ml.so.1: the driver's, or a simulated machine's. RTLD_LOCAL, so that several
// live side by side; closed by the destructor (after the last session on it ended).
#ifndef MIGCTL_NVML_LIBRARY_H_
#define MIGCTL_NVML_LIBRARY_H_

#include <memory>
#include <string>

#include "mig/result.h"

#include "nvml/functions.h"

namespace mig::nvml {

class Library {
 public:
  static constexpr const char* kDefaultName = "libnvidia-ml.so.1";

  // Loads an NVML library. `path` "": kDefaultName through the loader's search path; never the
  // unversioned libnvidia-ml.so, which on a build machine is the toolkit's stub. kNoDriver when the
  // file does not load, is no NVML, or is that stub.
  static Result<Library> open(const std::string& path);

  const Functions& functions() const { return functions_; }

  const std::string& path() const { return path_; }

  // Path of the file that the loader found, "/usr/lib64/libnvidia-ml.so.1"; path() where it does
  // not say.
  std::string file() const;

  // The destructor will not unload the library.
  void leave_loaded();

  // Looks up an exported function; nullptr when the library lacks it.
  void* symbol(const char* name) const;

 private:
  struct Close {
    void operator()(void* handle) const;
  };

  Library() = default;

  std::unique_ptr<void, Close> handle_;
  Functions functions_;
  std::string path_;
};

}  // namespace mig::nvml

#endif  // MIGCTL_NVML_LIBRARY_H_
