// SPDX-License-Identifier: Apache-2.0
// A session of an NVML library: nvmlInit_v2 at open, nvmlShutdown at destruction.
//
//   MIG_ASSIGN_OR_RETURN(auto session, nvml::Session::open(""));      // the driver's library
//   nvmlDevice_t device = nullptr;
//   nvmlReturn_t code = session->nvml().nvmlDeviceGetHandleByIndex_v2(0, &device);
//
// Raw handles are valid until the session is destroyed or renewed. Code that stores one stores a
// Handle<T>: use() refuses a stale one with kDeviceLost after renew(), instead of handing a
// dangling pointer to the driver.
//
// Threading: const members from any thread; renew() from one, with no other call running.
#ifndef MIGCTL_NVML_SESSION_H_
#define MIGCTL_NVML_SESSION_H_

#include <cstdint>
#include <memory>
#include <string>

#include "mig/result.h"

#include "abi/simulated.h"
#include "nvml/functions.h"
#include "nvml/library.h"

namespace mig::nvml {

template <class Raw>
struct Handle {
  Raw raw = nullptr;
  std::uint64_t epoch = 0;  // epoch of the session when the handle was read; 0 = never valid
};

class Session {
 public:
  // `library` "" = libnvidia-ml.so.1 by the loader's search path. A simulated machine is selected
  // by $MIGSIM_MACHINE, which its library reads at this point. kNoDriver when the library does not
  // load or initialise; the driver's code is the Error's cause.
  static Result<std::unique_ptr<Session>> open(const std::string& library);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  Session(Session&&) = delete;
  Session& operator=(Session&&) = delete;

  const Functions& nvml() const { return library_.functions(); }

  const std::string& library_path() const { return library_.path(); }

  // File that was loaded under that path.
  std::string library_file() const { return library_.file(); }

  // For calls outside of Functions (`sim capture`); other callers use nvml().
  void* symbol(const char* name) const { return library_.symbol(name); }

  // Control table of a simulated machine; nullptr on a real driver.
  const migsim_control* control() const { return control_; }

  bool simulated() const { return control_ != nullptr; }

  // "" = not reported by the driver.
  const std::string& driver_version() const { return driver_version_; }

  const std::string& nvml_version() const { return nvml_version_; }

  // Shutdown and init again, needed after a reset or when a lost GPU is back: every earlier handle
  // is refused from here on. On failure the session is unusable until renew() succeeds.
  Result<void> renew();

  // Shutdown only, for operations that need the GPUs closed by all processes; renew() follows.
  void stop();

  // For a process that exits next: the destructor leaves NVML initialised and its library loaded.
  // Process exit closes both, and faster (nvmlShutdown takes 2.7 ms on an H200).
  void leave_to_exit() { left_to_exit_ = true; }

  std::uint64_t epoch() const { return epoch_; }

  template <class Raw>
  Handle<Raw> keep(Raw raw) const {
    return {raw, epoch_};
  }

  template <class Raw>
  Result<Raw> use(Handle<Raw> handle) const {
    if (handle.raw == nullptr || handle.epoch != epoch_ || !running_) {
      return stale_handle(handle.epoch);
    }
    return handle.raw;
  }

 private:
  explicit Session(Library library) : library_(std::move(library)) {}

  Result<void> start();
  Error stale_handle(std::uint64_t epoch) const;

  Library library_;
  const migsim_control* control_ = nullptr;
  std::string driver_version_, nvml_version_;
  std::uint64_t epoch_ = 0;
  bool running_ = false;
  bool left_to_exit_ = false;
};

}  // namespace mig::nvml

#endif  // MIGCTL_NVML_SESSION_H_
