// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/plugin/device_resources.h"

#include <set>

#include <fmt/core.h>

#include "base/strings.h"
#include "kubernetes/objects/device_name.h"
#include "kubernetes/objects/resource_names.h"

namespace mig::kube {
namespace {

constexpr std::string_view kWholeGpu = "nvidia.com/gpu";

// The compute instance of a GPU instance that is offered; nullptr: none.
const ComputeInstance* offered(const GpuInstance& instance) {
  if (instance.compute_instances.size() != 1) {
    return nullptr;
  }
  const ComputeInstance& compute = instance.compute_instances.front();
  return compute.name.full_size() && !compute.uuid.empty() ? &compute : nullptr;
}

PluginDevice make(const ResourceInput& input, const Gpu& gpu, std::string id, std::string device) {
  PluginDevice made{.id = std::move(id), .device = std::move(device)};
  if (input.sick) {
    made.why = input.sick(made.id);
    made.healthy = made.why.empty();
  }
  if (input.numa) {
    made.numa = input.numa(gpu);
  }
  return made;
}

// What stands against the strategy `single`; "" = nothing.
std::string single_trouble(const Inventory& now) {
  std::set<ProfileName> profiles;
  bool on = false;
  bool off = false;
  bool empty = false;
  for (const Gpu& gpu : now.gpus) {
    const bool enabled = gpu.mig_current == MigMode::kEnabled;
    on |= enabled;
    off |= !enabled;
    empty |= enabled && gpu.instances.empty();
    for (const GpuInstance& instance : gpu.instances) {
      profiles.insert(instance.name);
    }
  }
  if (on && off) {
    return "all devices on the node must be configured with the same migEnabled value";
  }
  if (profiles.size() > 1) {
    return "more than one MIG device type present on node";
  }
  return empty ? "at least one device with migEnabled=true has no MIG devices" : "";
}

}  // namespace

Result<DeviceStrategy> parse_device_strategy(std::string_view text) {
  if (text == "none") {
    return DeviceStrategy::kNone;
  }
  if (text == "single") {
    return DeviceStrategy::kSingle;
  }
  if (text == "mixed") {
    return DeviceStrategy::kMixed;
  }
  return fail(ErrorCode::kUsage,
              fmt::format("{} is no MIG strategy", base::quoted(text)),
              "none, single or mixed");
}

PluginResources plugin_resources(const ResourceInput& input) {
  PluginResources made;
  if (input.strategy != DeviceStrategy::kMixed) {
    made.devices[std::string(kWholeGpu)];  // stays, also when it is empty
  }
  if (input.strategy == DeviceStrategy::kSingle) {
    made.trouble = single_trouble(*input.now);
    if (!made.trouble.empty()) {
      return made;
    }
  }
  for (const Gpu& gpu : input.now->gpus) {
    if (gpu.mig_current != MigMode::kEnabled) {
      made.devices[std::string(kWholeGpu)].push_back(make(input, gpu, gpu.uuid, device_name(gpu)));
      continue;
    }
    if (input.strategy == DeviceStrategy::kNone) {
      continue;
    }
    for (const GpuInstance& instance : gpu.instances) {
      const ComputeInstance* compute = offered(instance);
      if (compute == nullptr) {
        continue;
      }
      const std::string name = input.strategy == DeviceStrategy::kSingle
                                   ? std::string(kWholeGpu)
                                   : extended_resource_name(instance.name);
      made.devices[name].push_back(make(
          input, gpu, compute->uuid, device_name(gpu, instance.name, instance.placement.start)));
    }
  }
  return made;
}

}  // namespace mig::kube
