// SPDX-License-Identifier: Apache-2.0
#include "planner/blockers.h"

#include <fmt/format.h>

#include "model/instance.h"

namespace mig::planner {

std::vector<Blocker> blockers_of_destroy(const Gpu& gpu,
                                         const GpuInstance& instance,
                                         std::optional<ComputeInstanceId> compute) {
  const std::string place =
      fmt::format("{} gi={} on GPU {}", instance.name.str(), instance.id.value, gpu.index.value);
  std::vector<Blocker> out;
  for (const Process& process : gpu.processes_on(instance.id)) {
    if (compute && process.compute_instance && process.compute_instance != compute) {
      continue;
    }
    Blocker& blocker = out.emplace_back();
    blocker.gpu = gpu.index;
    blocker.gpu_instance = instance.id;
    blocker.process = process;
    blocker.what = fmt::format("{} runs on {}", name_of(process), place);
  }
  for (const InstanceLease& lease : gpu.leases_on(instance.id)) {
    if (compute && lease.compute_instance != *compute) {
      continue;
    }
    Blocker& blocker = out.emplace_back();
    blocker.gpu = gpu.index;
    blocker.gpu_instance = instance.id;
    blocker.lease = lease;
    blocker.start_ticks = lease.start_ticks;
    blocker.what = fmt::format("{} holds {}", lease.str(), place);
  }
  return out;
}

}  // namespace mig::planner
