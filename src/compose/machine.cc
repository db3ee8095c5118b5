// SPDX-License-Identifier: Apache-2.0
#include "compose/machine.h"

#include <fmt/format.h>

namespace mig::compose {

std::string Placed::str() const {
  return fmt::format("{} on GPU {} at {}:{}{}",
                     instance.profile.str(),
                     instance.gpu.value,
                     placement.start,
                     placement.size,
                     compute_placement && !instance.profile.full_size()
                         ? fmt::format("/{}", compute_placement->start)
                         : std::string());
}

std::vector<Placed> placed_instances(const Inventory& now) {
  std::vector<Placed> all;
  for (const Gpu& gpu : now.gpus) {
    if (gpu.mig_current != MigMode::kEnabled) {
      continue;
    }
    for (const GpuInstance& instance : gpu.instances) {
      for (const ComputeInstance& compute : instance.compute_instances) {
        Placed one{instance_of(gpu, instance, compute),
                   instance.placement,
                   compute.placement,
                   compute.device_index,
                   ""};
        for (const InstanceLease& lease : gpu.leases) {
          if (lease.gpu_instance == instance.id && lease.compute_instance == compute.id) {
            one.lease = lease.str();
          }
        }
        all.push_back(std::move(one));
      }
    }
  }
  return all;
}

std::optional<Placed> placed(const Inventory& now, const std::string& uuid) {
  for (Placed& one : placed_instances(now)) {
    if (!uuid.empty() && one.instance.uuid == uuid) {
      return std::move(one);
    }
  }
  return std::nullopt;
}

const cdi::Device* lasting_name(const Machine& machine, const std::string& uuid) {
  const cdi::Device* best = nullptr;
  const auto rank = [](cdi::Naming naming) {
    return naming == cdi::Naming::kSlot      ? 3
           : naming == cdi::Naming::kOrdinal ? 2
           : naming == cdi::Naming::kUuid    ? 1
                                             : 0;
  };
  for (const cdi::Device& device : machine.devices) {
    if (device.instance_uuid == uuid && rank(device.naming) > 0 &&
        (best == nullptr || rank(device.naming) > rank(best->naming))) {
      best = &device;
    }
  }
  return best;
}

std::string slot_of(const Machine& machine, const std::string& uuid) {
  for (const Slot& slot : machine.slots) {
    if (slot.state == SlotState::kReady && slot.uuid == uuid) {
      return slot.row.name;
    }
  }
  return "";
}

}  // namespace mig::compose
