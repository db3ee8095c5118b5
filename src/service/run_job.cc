// SPDX-License-Identifier: Apache-2.0
#include "service/run_job.h"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "service/containers.h"

namespace mig::service {

launch::DeviceRoots device_roots(const node::Node& node) {
  const holders::Roots roots = node.holder_roots();
  return {roots.dev, roots.driver_proc};
}

Result<RunResult> run_job(node::Node& node, const RunRequest& request) {
  MIG_ASSIGN_OR_RETURN(const std::string claims, node.places().claims());
  RunRequest full = request;
  if (node.simulated()) {
    full.command.environment.emplace_back("MIGSIM_MACHINE", node.machine_dir());
  }
  if (auto& view = full.command.index_view; view && view->driver_library.empty()) {
    MIG_ASSIGN_OR_RETURN(nvml::Session * driver, node.session());
    std::error_code error;
    view->driver_library = std::filesystem::absolute(driver->library_file(), error);
    MIG_TRY(launch::check(*view));
  }
  if (launch::Containers* containers = full.command.containers.get()) {
    containers->labels = {{"migctl.machine", node.simulated() ? node.machine_name() : "node"}};
    containers->device = [roots = device_roots(node)](const Instance& instance,
                                                      const std::vector<std::string>& folders) {
      return cdi_name_of(instance, folders, roots);
    };
  }
  const launch::RunPlaces places{claims, node.places().jobs(), device_roots(node)};
  full.observer.on_start = [&node, &request](const Instance& chosen, std::uint32_t rank) {
    if (request.observer.on_start) {
      request.observer.on_start(chosen, rank);
    }
    node.rest();
  };
  // The first reading may be the command's cached one; later ones must be fresh.
  bool first = true;
  const auto read = [&node, &first] {
    return std::exchange(first, false) ? node.inventory() : node.inventory(node::Age::fresh());
  };
  return launch::run_job(full, read, places);
}

}  // namespace mig::service
