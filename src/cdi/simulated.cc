// SPDX-License-Identifier: Apache-2.0
#include "cdi/simulated.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "cdi/libraries.h"

namespace mig::cdi {
namespace {

void mount_same(const std::string& path, bool writable, Edits& edits) {
  if (::access(path.c_str(), F_OK) == 0) {
    edits.mounts.push_back({path, path, writable});
  }
}

}  // namespace

void add_simulated_machine(const Roots& roots, const std::string& nvml, Edits& edits) {
  edits.env.push_back("MIGSIM_MACHINE=" + roots.simulated_dir);
  mount_same(roots.simulated_dir + "/machine.state", true, edits);
  mount_same(roots.simulated_dir + "/machine.json", false, edits);
  mount_same(roots.proc, false, edits);
  std::error_code error;
  const std::filesystem::path library = std::filesystem::canonical(nvml, error);
  if (error) {
    return;
  }
  const std::string others = library.parent_path().string() + "/libmigsim.so";
  for (const std::string& folder : default_folders()) {
    edits.mounts.push_back({library.string(), folder + "/libnvidia-ml.so.1", false});
    if (::access(others.c_str(), F_OK) == 0) {
      edits.mounts.push_back({others, folder + "/libmigsim.so", false});
    }
  }
}

void add_simulated_device(const Roots& roots, Device& device) {
  // CUDA finds the one instance that it can open; the simulator has to be told.
  if (!device.instance_uuid.empty()) {
    device.edits.env.push_back("CUDA_VISIBLE_DEVICES=" + device.instance_uuid);
  }
  add_simulated_nodes(roots, device.edits);
}

void add_simulated_nodes(const Roots& roots, Edits& edits) {
  for (const DeviceNode& node : edits.nodes) {
    mount_same(host_path(roots, node.path), false, edits);
  }
}

}  // namespace mig::cdi
