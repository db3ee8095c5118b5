// SPDX-License-Identifier: Apache-2.0
#include "cdi/devices.h"

#include <algorithm>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "base/strings.h"

namespace mig::cdi {
namespace {

void add_nodes(const std::vector<DeviceNode>& from, std::vector<DeviceNode>& to) {
  for (const DeviceNode& node : from) {
    if (std::find(to.begin(), to.end(), node) == to.end()) {
      to.push_back(node);
    }
  }
}

class Lister {
 public:
  Lister(const std::vector<SlotInstance>& slots, const DriverFiles& files)
      : slots_(slots), files_(files) {}

  void add(const Gpu& gpu) {
    if (!gpu.minor) {
      leave_out(fmt::format("GPU {}: its driver reports no minor number", gpu.index.value));
      return;
    }
    auto node = files_.gpu(*gpu.minor);
    if (!node) {
      leave_out(fmt::format("GPU {}: {}", gpu.index.value, node.error().text()));
      return;
    }
    if (gpu.mig_current == MigMode::kEnabled) {
      add_instances(gpu, *node);
      return;
    }
    Edits edits;
    edits.nodes.push_back(*std::move(node));
    add_nodes(files_.rendering(gpu.pci_bus_id), edits.nodes);
    put({fmt::format("{}", gpu.index.value), Naming::kIndex, gpu.uuid, "", edits});
    put({gpu.uuid, Naming::kUuid, gpu.uuid, "", std::move(edits)});
  }

  DeviceList end() {
    for (const auto& [slot, uuid] : slots_) {
      name_slot(slot, uuid);
    }
    if (!list_.devices.empty()) {
      Device all{"all", Naming::kAll, "", "", {}};
      for (const Device& device : list_.devices) {
        add_nodes(device.edits.nodes, all.edits.nodes);
      }
      put(std::move(all));
    }
    return std::move(list_);
  }

 private:
  void leave_out(std::string why) { list_.left_out.push_back(std::move(why)); }

  void put(Device device) {
    names_.insert(device.name);
    list_.devices.push_back(std::move(device));
  }

  void add_instances(const Gpu& gpu, const DeviceNode& gpu_node) {
    // In the order of the driver's MIG indices, as is "0:1".
    struct Part {
      const GpuInstance* gi;
      const ComputeInstance* ci;
    };

    std::vector<Part> parts;
    for (const GpuInstance& instance : gpu.instances) {
      for (const ComputeInstance& compute : instance.compute_instances) {
        parts.push_back({&instance, &compute});
      }
    }
    std::stable_sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) {
      return a.ci->device_index.value_or(UINT32_MAX) < b.ci->device_index.value_or(UINT32_MAX);
    });
    for (const Part& part : parts) {
      add_instance(gpu, gpu_node, *part.gi, *part.ci);
    }
  }

  void add_instance(const Gpu& gpu,
                    const DeviceNode& gpu_node,
                    const GpuInstance& instance,
                    const ComputeInstance& compute) {
    const std::string profile = profile_word(compute.name);
    const std::string ordinal = fmt::format("{}-{}", profile, ordinals_[profile]++);
    auto nodes = files_.instance(*gpu.minor, instance.id, compute.id);
    if (!nodes || compute.uuid.empty()) {
      leave_out(fmt::format("{} on GPU {}: {}",
                            compute.name.str(),
                            gpu.index.value,
                            nodes ? "the driver reports no UUID" : nodes.error().text()));
      return;
    }
    Edits edits;
    edits.nodes.push_back(gpu_node);
    add_nodes(*nodes, edits.nodes);
    const GpuInstanceProfile* of_gi = gpu.find_profile(instance.name);
    if (of_gi != nullptr && of_gi->graphics) {
      add_nodes(files_.rendering(gpu.pci_bus_id), edits.nodes);
    }
    if (compute.device_index) {
      put({fmt::format("{}:{}", gpu.index.value, *compute.device_index),
           Naming::kIndex,
           gpu.uuid,
           compute.uuid,
           edits});
    }
    put({compute.uuid, Naming::kUuid, gpu.uuid, compute.uuid, edits});
    put({ordinal, Naming::kOrdinal, gpu.uuid, compute.uuid, std::move(edits)});
  }

  void name_slot(const std::string& slot, const std::string& uuid) {
    const auto of =
        std::find_if(list_.devices.begin(), list_.devices.end(), [&](const Device& device) {
          return device.naming == Naming::kUuid && device.instance_uuid == uuid;
        });
    if (of == list_.devices.end()) {
      return;
    }
    if (!is_device_name(slot) || names_.contains(slot) || slot == "all") {
      leave_out(fmt::format("slot {}: {}",
                            base::printable(slot),
                            is_device_name(slot)
                                ? "another device has this name"
                                : "CDI takes letters, digits and _-.: with a letter or digit at "
                                  "both ends"));
      return;
    }
    Device named = *of;
    named.name = slot;
    named.naming = Naming::kSlot;
    put(std::move(named));
  }

  const std::vector<SlotInstance>& slots_;
  const DriverFiles& files_;
  DeviceList list_;
  std::set<std::string> names_;
  std::map<std::string, std::uint32_t> ordinals_;
};

// Instances that the step ends or replaces. By id and by place: a plan that was made earlier may
// have either only.
void add_going(const Step& step, const Gpu& gpu, Going& going) {
  for (const GpuInstance& instance : gpu.instances) {
    const bool meant = (step.gpu_instance && *step.gpu_instance == instance.id) ||
                       instance.placement == step.gpu_placement;
    if (!meant) {
      continue;
    }
    for (const ComputeInstance& compute : instance.compute_instances) {
      if (step.kind == StepKind::kDestroyGpuInstance || !step.compute_instance ||
          *step.compute_instance == compute.id) {
        going.instances.insert(compute.uuid);
      }
    }
  }
}

}  // namespace

std::string profile_word(const ProfileName& profile) {
  std::string word = profile.str();
  for (char& c : word) {
    c = c == '+' || c == ',' || c == '@' ? '.' : c;
  }
  return word;
}

DeviceList devices_of(const Inventory& now,
                      const std::vector<SlotInstance>& slots,
                      const DriverFiles& files) {
  Lister lister(slots, files);
  for (const Gpu& gpu : now.gpus) {
    lister.add(gpu);
  }
  return lister.end();
}

Going going_by(const Plan& plan, const Inventory& before) {
  Going going;
  for (const Step& step : plan.steps) {
    going.touched_gpus.insert(step.gpu_uuid);
    switch (step.kind) {
      case StepKind::kEnableMig:
      case StepKind::kDisableMig:
      case StepKind::kResetGpu:
        going.gpus.insert(step.gpu_uuid);
        break;
      case StepKind::kDestroyComputeInstance:
      case StepKind::kDestroyGpuInstance:
        if (const Gpu* gpu = before.find_gpu(step.gpu_uuid)) {
          add_going(step, *gpu, going);
        }
        break;
      case StepKind::kCreateGpuInstance:
      case StepKind::kCreateComputeInstance:
        break;
    }
  }
  return going;
}

Going going_by_recovery(const Plan& plan) {
  Going going;
  for (const Step& step : plan.steps) {
    going.touched_gpus.insert(step.gpu_uuid);
    going.gpus.insert(step.gpu_uuid);
  }
  return going;
}

bool is_going(const Device& device, const Going& going) {
  if (going.none()) {
    return false;
  }
  switch (device.naming) {
    case Naming::kAll:
    case Naming::kOrdinal:
      return true;
    case Naming::kIndex:
      if (!device.instance_uuid.empty() && going.touched_gpus.contains(device.gpu_uuid)) {
        return true;
      }
      break;
    case Naming::kUuid:
    case Naming::kSlot:
      break;
  }
  return going.everything || going.gpus.contains(device.gpu_uuid) ||
         going.instances.contains(device.instance_uuid);
}

}  // namespace mig::cdi
