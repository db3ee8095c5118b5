// SPDX-License-Identifier: Apache-2.0
#include "sim/exports/library.h"

#include <unistd.h>

#include <mutex>
#include <string>

namespace migsim::exports {
namespace {

struct Library {
  std::mutex mutex;
  unsigned users = 0;
  std::shared_ptr<Machine> machine;
};

// Never destroyed: clients may call NVML from their own static destructors.
Library& library() {
  static auto* instance = new Library;
  return *instance;
}

std::shared_ptr<Machine> open_machine(nvmlReturn_t& code) {
  Status status;
  const std::string dir = Machine::find(status);
  const std::string file = dir + "/machine.state";
  if (!status.ok() || ::access(file.c_str(), F_OK) != 0) {
    code = NVML_ERROR_DRIVER_NOT_LOADED;
    return nullptr;
  }
  if (::access(file.c_str(), R_OK | W_OK) != 0) {
    code = NVML_ERROR_NO_PERMISSION;
    return nullptr;
  }
  std::shared_ptr<Machine> machine = Machine::open(dir, status);
  code = machine ? NVML_SUCCESS : NVML_ERROR_LIB_RM_VERSION_MISMATCH;
  return machine;
}

}  // namespace

nvmlReturn_t acquire_library() {
  Library& lib = library();
  const std::lock_guard lock(lib.mutex);
  if (lib.users == 0) {
    nvmlReturn_t code = NVML_ERROR_UNKNOWN;
    lib.machine = open_machine(code);
    if (code != NVML_SUCCESS) {
      return code;
    }
  }
  ++lib.users;
  return NVML_SUCCESS;
}

nvmlReturn_t release_library() {
  Library& lib = library();
  const std::lock_guard lock(lib.mutex);
  if (lib.users == 0) {
    return NVML_ERROR_UNINITIALIZED;
  }
  if (--lib.users == 0) {
    lib.machine.reset();
  }
  return NVML_SUCCESS;
}

std::shared_ptr<Machine> current_machine() {
  Library& lib = library();
  const std::lock_guard lock(lib.mutex);
  return lib.machine;
}

std::shared_ptr<Machine> machine_to_peek() {
  if (auto machine = current_machine()) {
    return machine;
  }
  nvmlReturn_t code = NVML_ERROR_UNKNOWN;
  return open_machine(code);
}

}  // namespace migsim::exports
