// SPDX-License-Identifier: Apache-2.0
// For tests: machines of the catalogue's boards with MIG on and instances on them.
#ifndef MIGCTL_KUBERNETES_OBJECTS_TEST_MACHINES_H_
#define MIGCTL_KUBERNETES_OBJECTS_TEST_MACHINES_H_

#include <cstdlib>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "catalog/catalog.h"
#include "kubernetes/objects/slices.h"

namespace mig::kube {

// Aborts when there is no such board: without data a test would prove nothing.
inline Inventory machine_of(const std::string& board, std::uint32_t count = 1) {
  auto machine = catalog::inventory_of({board, count});
  if (!machine) {
    std::abort();
  }
  for (Gpu& gpu : machine->gpus) {
    gpu.mig_current = gpu.mig_pending = MigMode::kEnabled;
  }
  machine->driver_version = "580.159.04";
  return *machine;
}

inline const GpuInstanceProfile& profile_named(const Gpu& gpu, const std::string& name) {
  for (const GpuInstanceProfile& profile : gpu.profiles) {
    if (profile.name.str() == name) {
      return profile;
    }
  }
  std::abort();
}

// A GPU instance with the compute instance that fills it.
inline GpuInstance& add_instance(Gpu& gpu, const std::string& name, std::uint32_t start) {
  const GpuInstanceProfile& profile = profile_named(gpu, name);
  GpuInstance instance;
  instance.id = GpuInstanceId{static_cast<std::uint32_t>(gpu.instances.size()) + 1};
  instance.profile_id = profile.id;
  instance.name = profile.name;
  instance.placement = {start, profile.placements.at(0).size};
  ComputeInstance part;
  part.name = profile.name;
  part.uuid = fmt::format("MIG-{}-{}-{}", gpu.index.value, name, start);
  instance.compute_instances.push_back(part);
  gpu.instances.push_back(instance);
  return gpu.instances.back();
}

inline SliceInput input_of(const Inventory& machine) {
  SliceInput input;
  input.now = &machine;
  input.node = "n1";
  return input;
}

inline std::vector<base::Json> slices_of(const SliceInput& input, std::int64_t generation = 1) {
  auto slices = resource_slices(input, generation);
  if (!slices) {
    std::abort();
  }
  return *slices;
}

inline std::vector<base::Json> slices_of(const Inventory& machine) {
  return slices_of(input_of(machine));
}

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_OBJECTS_TEST_MACHINES_H_
