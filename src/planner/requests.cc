// SPDX-License-Identifier: Apache-2.0
#include "planner/requests.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace mig::planner {
namespace {

std::vector<DesiredInstance> as_they_are(const Gpu& gpu) {
  std::vector<DesiredInstance> out;
  for (const GpuInstance& instance : gpu.instances) {
    DesiredInstance desired;
    desired.profile = instance.name;
    desired.placement = instance.placement;
    for (const ComputeInstance& compute : instance.compute_instances) {
      desired.compute_instances.push_back(compute.name);
      desired.compute_placements.push_back(compute.placement);
    }
    out.push_back(std::move(desired));
  }
  return out;
}

// The GPU instance at the named placement, as parent of a compute instance that does not fill it,
// or of any in an empty one.
DesiredInstance* owner_of(const DesiredInstance& wanted, std::vector<DesiredInstance>& there) {
  if (!wanted.placement || wanted.compute_instances.empty()) {
    return nullptr;
  }
  const bool fills = wanted.compute_instances.front().full_size();
  const auto owner = std::find_if(there.begin(), there.end(), [&](const DesiredInstance& is) {
    return is.profile == wanted.profile && is.placement == wanted.placement &&
           (!fills || is.compute_instances.empty());
  });
  return owner == there.end() ? nullptr : &*owner;
}

void add_inside(const DesiredInstance& wanted, DesiredInstance& owner) {
  owner.compute_placements.resize(owner.compute_instances.size());
  owner.compute_instances.insert(owner.compute_instances.end(),
                                 wanted.compute_instances.begin(),
                                 wanted.compute_instances.end());
  owner.compute_placements.insert(owner.compute_placements.end(),
                                  wanted.compute_placements.begin(),
                                  wanted.compute_placements.end());
  owner.compute_placements.resize(owner.compute_instances.size());
}

Result<const Gpu*> named_gpu(const Inventory& inventory, GpuIndex index) {
  if (const Gpu* gpu = inventory.find_gpu(index); gpu != nullptr) {
    return gpu;
  }
  if (const LostGpu* lost = inventory.find_lost(index); lost != nullptr) {
    return lost->why;
  }
  return fail(ErrorCode::kNothingMatched,
              fmt::format("there is no GPU {}", index.value),
              inventory.gpus.empty()
                  ? "this machine has no GPU that the driver shows"
                  : fmt::format("this machine has {} GPUs: migctl list", inventory.gpus.size()));
}

// Pinning needs placements, which the driver reports to root only.
Result<void> check_complete(const Gpu& gpu, const char* tried) {
  if (gpu.instances_complete) {
    return {};
  }
  return fail(ErrorCode::kPermission,
              fmt::format("cannot {} on GPU {}: the driver refuses to list its instances to us",
                          tried,
                          gpu.index.value),
              "run it as root (sudo), or as the owner of the simulated machine");
}

}  // namespace

Result<DesiredLayout> desired_create(const Inventory& inventory, const CreateRequest& request) {
  MIG_ASSIGN_OR_RETURN(const Gpu* gpu, named_gpu(inventory, request.gpu));
  MIG_TRY(check_complete(*gpu, "create instances"));
  if (gpu->mig_current != MigMode::kEnabled) {
    return fail(ErrorCode::kNotSupported,
                fmt::format("cannot create instances on GPU {}: MIG is {}",
                            gpu->index.value,
                            gpu->mig_current == MigMode::kUnsupported ? "not supported by it"
                            : gpu->mig_pending == MigMode::kEnabled   ? "enabled but pending"
                                                                      : "disabled"),
                gpu->has_outputs() && gpu->mig_current == MigMode::kUnsupported ? gpu->way_to_mig()
                : gpu->mig_current == MigMode::kUnsupported
                    ? "migctl list shows which GPUs can do MIG"
                    : fmt::format("migctl mode enable -i {}", gpu->index.value));
  }
  DesiredGpu desired{gpu->index, true, as_they_are(*gpu), {}};
  for (const DesiredInstance& instance : request.instances) {
    if (DesiredInstance* owner = owner_of(instance, desired.instances)) {
      add_inside(instance, *owner);
    } else {
      desired.instances.push_back(instance);
    }
  }
  return DesiredLayout{"create", {std::move(desired)}, {}, request.spare};
}

Result<DesiredLayout> desired_mode(const Inventory& inventory,
                                   const std::vector<GpuIndex>& gpus,
                                   bool enable) {
  DesiredLayout out{enable ? "mode enable" : "mode disable", {}, {}};
  const auto add = [&](const Gpu& gpu) -> Result<void> {
    MIG_TRY(check_complete(gpu, "change the MIG mode"));
    out.gpus.push_back(
        {gpu.index, enable, enable ? as_they_are(gpu) : std::vector<DesiredInstance>(), {}});
    return {};
  };
  if (gpus.empty()) {
    MIG_TRY(inventory.none_lost());
    for (const Gpu& gpu : inventory.gpus) {
      if (gpu.mig_current != MigMode::kUnsupported) {
        MIG_TRY(add(gpu));
      }
    }
    if (!out.gpus.empty()) {
      return out;
    }
    const auto way = std::find_if(inventory.gpus.begin(), inventory.gpus.end(), [](const Gpu& gpu) {
      return gpu.has_outputs();
    });
    return fail(ErrorCode::kNothingMatched,
                "no GPU of this machine supports MIG",
                way == inventory.gpus.end()
                    ? "migctl list shows the GPUs"
                    : fmt::format("GPU {}: {}", way->index.value, way->way_to_mig()));
  }
  for (GpuIndex index : gpus) {
    MIG_ASSIGN_OR_RETURN(const Gpu* gpu, named_gpu(inventory, index));
    if (gpu->mig_current == MigMode::kUnsupported) {
      return fail(ErrorCode::kNotSupported,
                  fmt::format("GPU {} ({}) does not support MIG", index.value, gpu->name),
                  gpu->has_outputs() ? gpu->way_to_mig() : "migctl list shows which GPUs do");
    }
    MIG_TRY(add(*gpu));
  }
  std::sort(out.gpus.begin(), out.gpus.end(), [](const DesiredGpu& a, const DesiredGpu& b) {
    return a.gpu < b.gpu;
  });
  out.gpus.erase(std::unique(out.gpus.begin(),
                             out.gpus.end(),
                             [](const auto& a, const auto& b) { return a.gpu == b.gpu; }),
                 out.gpus.end());
  return out;
}

}  // namespace mig::planner
