// SPDX-License-Identifier: Apache-2.0
#include "observe/identity.h"

#include <algorithm>
#include <utility>

namespace mig::observe {
namespace {

const GpuInstance* find(const Gpu* gpu, GpuInstanceId id) {
  if (gpu == nullptr) {
    return nullptr;
  }
  const auto found = std::find_if(gpu->instances.begin(),
                                  gpu->instances.end(),
                                  [&](const GpuInstance& one) { return one.id == id; });
  return found == gpu->instances.end() ? nullptr : &*found;
}

}  // namespace

std::uint64_t Generations::of(const std::string& gpu_uuid, const GpuInstance& instance) {
  Known& known = known_[{gpu_uuid, instance.id.value}];
  const std::string profile = instance.name.str();
  if (known.generation == 0 || known.profile != profile || known.placement != instance.placement) {
    known = {++last_, profile, instance.placement};
  }
  return known.generation;
}

void Generations::keep_only(const std::string& gpu_uuid, const std::vector<GpuInstance>& there) {
  std::erase_if(known_, [&](const auto& entry) {
    return entry.first.gpu_uuid == gpu_uuid &&
           std::none_of(there.begin(), there.end(), [&](const GpuInstance& one) {
             return one.id.value == entry.first.gpu_instance;
           });
  });
}

std::vector<InstancePlace> vanished_instances(const Inventory& before, const Inventory& after) {
  std::vector<InstancePlace> out;
  for (const Gpu& gpu : before.gpus) {
    const Gpu* now = after.find_gpu(gpu.uuid);
    for (const GpuInstance& instance : gpu.instances) {
      const GpuInstance* same = find(now, instance.id);
      if (same == nullptr || same->profile_id != instance.profile_id ||
          same->placement != instance.placement) {
        out.push_back({gpu.uuid, instance.id.value});
      }
    }
  }
  return out;
}

}  // namespace mig::observe
