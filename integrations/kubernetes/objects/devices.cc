// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/objects/devices.h"

#include <algorithm>

#include "kubernetes/objects/device_name.h"

namespace mig::kube {
namespace {

using planner::Board;
using planner::Placed;

// The API's limit of a DNS label. No driver's profile comes near it.
constexpr std::size_t kLongestName = 63;

// The one compute instance that fills the GPU instance; nullptr: it is divided, or has none.
const ComputeInstance* whole(const GpuInstance& instance) {
  const auto& parts = instance.compute_instances;
  return parts.size() == 1 && parts[0].name.full_size() && !parts[0].uuid.empty() ? parts.data()
                                                                                  : nullptr;
}

class OfGpu {
 public:
  OfGpu(const Gpu& gpu, const SliceInput& input)
      : gpu_(gpu), input_(input), board_(gpu), model_(board_) {}

  GpuDevices run() {
    // A GPU with MIG off could not be leased: migd leases instances only.
    if (gpu_.mig_current != gpu_.mig_pending || gpu_.mig_current != MigMode::kEnabled) {
      return {};
    }
    if (gpu_.instances_complete && input_.existing_only) {
      add_placements();
    } else if (gpu_.instances_complete) {
      out_.has_counters = true;
      out_.counters = model_.full();
      for (const GpuInstance& instance : gpu_.instances) {
        if (!made_here(instance)) {
          model_.take(out_.counters, instance);
        }
      }
      add_placements();
    }
    return std::move(out_);
  }

 private:
  bool held(const std::string& name) const { return input_.held.contains(name); }

  bool made_here(const GpuInstance& instance) const {
    const auto found = input_.held.find(device_name(gpu_, instance.name, instance.placement.start));
    return found != input_.held.end() && found->second;
  }

  const GpuInstance* at(const GpuInstanceProfile& profile, Placement place) const {
    const auto found =
        std::find_if(gpu_.instances.begin(), gpu_.instances.end(), [&](const GpuInstance& one) {
          return one.name == profile.name && one.placement == place;
        });
    return found == gpu_.instances.end() ? nullptr : &*found;
  }

  void add_placements() {
    for (std::size_t i = 0; i < gpu_.profiles.size(); ++i) {
      for (const Placement place : gpu_.profiles[i].placements) {
        add_placement(i, place);
      }
    }
  }

  void add_placement(std::size_t index, Placement place) {
    const GpuInstanceProfile& profile = gpu_.profiles[index];
    Device device{
        device_name(gpu_, profile.name, place.start), &gpu_, &profile, place, false, "", {}, 0};
    if (device.name.size() > kLongestName) {
      return;
    }
    const GpuInstance* there = at(profile, place);
    const ComputeInstance* part = there == nullptr ? nullptr : whole(*there);
    device.uuid = part == nullptr ? "" : part->uuid;
    if (there == nullptr && input_.existing_only) {
      return;
    }
    if (there != nullptr && (input_.existing_only || !made_here(*there))) {
      device.is_static = true;
      if (part != nullptr && (held(device.name) || !gpu_.in_use(there->id))) {
        out_.devices.push_back(std::move(device));
      }
      return;
    }
    device.consumes = model_.consumed({index, place});
    // One that could never be had again would make a counter negative where it was allocated a
    // moment ago, and with it the whole pool unusable.
    if (covers(out_.counters, device.consumes)) {
      out_.devices.push_back(std::move(device));
    }
  }

  const Gpu& gpu_;
  const SliceInput& input_;
  Board board_;
  CounterModel model_;
  GpuDevices out_;
};

}  // namespace

GpuDevices devices_of(const Gpu& gpu, const SliceInput& input) {
  return OfGpu(gpu, input).run();
}

}  // namespace mig::kube
