// SPDX-License-Identifier: Apache-2.0
#include "sim/exports/library.h"

#include <fcntl.h>
#include <unistd.h>

#include <mutex>
#include <string>
#include <vector>

#include "sim/tree/open_nodes.h"

namespace migsim::exports {
namespace {

struct OwnNode {
  std::uint32_t gpu = kNone;
  std::string path;
  int fd = -1;
};

int open_node(const std::string& path) {
  return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

struct Library {
  std::mutex mutex;
  unsigned users = 0;
  std::vector<OwnNode> nodes;  // open from init to shutdown, as in the real library
  std::shared_ptr<Machine> machine;
};

// Never destroyed: clients may call NVML from the destructors of their static objects.
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
  if (::access(file.c_str(), R_OK) != 0) {
    code = NVML_ERROR_NO_PERMISSION;
    return nullptr;
  }
  std::shared_ptr<Machine> machine = Machine::open(dir, status);
  code = machine         ? NVML_SUCCESS
         : status.denied ? NVML_ERROR_NO_PERMISSION
                         : NVML_ERROR_LIB_RM_VERSION_MISMATCH;
  return machine;
}

// H100, R580: nvmlInit_v2 opens /dev/nvidiactl and /dev/nvidia<N> of every GPU,
// NVML_INIT_FLAG_NO_ATTACH the first only, and nvmlShutdown closes all. Other processes see by
// these descriptors that the GPU is in use. A machine without a tree, or a node that this user may
// not open, does not fail the init.
void open_own_nodes(Library& lib, bool attach) {
  const std::string dev = lib.machine->dir() + "/tree/dev/nvidia";
  lib.nodes.push_back({kNone, dev + "ctl", -1});
  if (attach) {
    const Machine::View view(*lib.machine);
    for (std::uint32_t gpu = 0; gpu < lib.machine->hardware().gpu_count; ++gpu) {
      if (view->gpus[gpu].lost == 0) {
        lib.nodes.push_back({gpu, dev + std::to_string(view->gpus[gpu].minor), -1});
      }
    }
  }
  for (OwnNode& node : lib.nodes) {
    node.fd = open_node(node.path);
  }
}

void close_nodes(Library& lib) {
  for (const OwnNode& node : lib.nodes) {
    if (node.fd >= 0) {
      ::close(node.fd);
    }
  }
  lib.nodes.clear();
}

}  // namespace

nvmlReturn_t acquire_library(bool attach) {
  Library& lib = library();
  const std::lock_guard lock(lib.mutex);
  if (lib.users == 0) {
    nvmlReturn_t code = NVML_ERROR_UNKNOWN;
    lib.machine = open_machine(code);
    if (code != NVML_SUCCESS) {
      return code;
    }
    open_own_nodes(lib, attach);
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
    close_nodes(lib);
    lib.machine.reset();
  }
  return NVML_SUCCESS;
}

bool only_we_have_open(std::uint32_t gpu) {
  Library& lib = library();
  const std::lock_guard lock(lib.mutex);
  for (OwnNode& node : lib.nodes) {
    if (node.gpu == gpu && node.fd >= 0) {
      ::close(node.fd);  // the kernel's answer would include our own descriptor
      const bool closed = surely_closed(node.path);
      node.fd = open_node(node.path);
      return closed;
    }
  }
  return false;
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
