// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/objects/slices.h"

#include <algorithm>

#include <fmt/format.h>

#include "kubernetes/objects/allocation.h"
#include "kubernetes/objects/device_json.h"
#include "kubernetes/objects/device_name.h"
#include "kubernetes/objects/devices.h"
#include "kubernetes/objects/order.h"
#include "kubernetes/objects/slice_groups.h"

namespace mig::kube {
namespace {

using base::Json;

// Limits of resource.k8s.io/v1 (k8s.io/api 0.36, resource/v1/types.go).
constexpr std::size_t kMostDevices =
    64;  // in a slice whose devices consume counters or are tainted
constexpr std::size_t kMostCounterSets = 8;
constexpr std::size_t kMostCounters = 32;
constexpr std::size_t kLongestObject = 253;  // name of an object
// Ours: a machine has at most 16 GPUs today.
constexpr std::size_t kMostGpus = 64;

Json metadata_of(const SliceInput& input, const std::string& name) {
  Json metadata = {{"name", name}};
  if (!input.node_uid.empty()) {
    metadata["ownerReferences"] = Json::array({{{"apiVersion", "v1"},
                                                {"kind", "Node"},
                                                {"name", input.node},
                                                {"uid", input.node_uid},
                                                {"controller", true}}});
  }
  return metadata;
}

Result<void> within_limits(const SliceInput& input, const std::vector<GpuDevices>& gpus) {
  if (gpus.size() > kMostGpus) {
    return fail(
        ErrorCode::kTooLarge,
        fmt::format("{} GPUs; ResourceSlices are written for at most {}", gpus.size(), kMostGpus));
  }
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    if (gpus[i].counters.size() > kMostCounters) {
      return fail(ErrorCode::kTooLarge,
                  fmt::format("GPU {} needs {} counters; the API allows {} in a set",
                              input.now->gpus[i].index.value,
                              gpus[i].counters.size(),
                              kMostCounters));
    }
  }
  if (input.node.empty() || input.node.size() + 16 > kLongestObject) {
    return fail(ErrorCode::kTooLarge,
                fmt::format("a node name of {} characters leaves no room for the names of its "
                            "ResourceSlices, which have {}",
                            input.node.size(),
                            kLongestObject));
  }
  return {};
}

std::vector<Json> counter_specs(const SliceInput& input, const std::vector<GpuDevices>& gpus) {
  std::vector<Json> specs;
  Json sets = Json::array();
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    if (gpus[i].has_counters) {
      sets.push_back({{"name", device_name(input.now->gpus[i])},
                      {"counters", counters_json(gpus[i].counters)}});
    }
    // A slice for each eight GPUs, so that the number of slices depends on the hardware alone.
    if ((i + 1) % kMostCounterSets == 0 || i + 1 == gpus.size()) {
      Json spec = Json::object();
      if (!sets.empty()) {
        spec["sharedCounters"] = std::move(sets);
      }
      specs.push_back(std::move(spec));
      sets = Json::array();
    }
  }
  return specs;
}

std::vector<Json> device_specs(const SliceInput& input, std::vector<GpuDevices>& gpus) {
  const SliceGroups groups = slice_groups_of(*input.now, kMostDevices);
  std::vector<Device*> devices;
  for (GpuDevices& gpu : gpus) {
    for (Device& device : gpu.devices) {
      devices.push_back(&device);
    }
  }
  rank_devices(devices, input);
  const auto group_of = [&](const Device* device) {
    const auto found = groups.of.find({device->profile->name.str(), device->gpu->uuid});
    return found == groups.of.end() ? SliceGroup() : found->second;
  };
  std::vector<std::pair<SliceGroup, const Device*>> sorted;
  sorted.reserve(devices.size());
  for (const Device* device : devices) {
    sorted.emplace_back(group_of(device), device);
  }
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first.kind, a.second->rank) < std::pair(b.first.kind, b.second->rank);
  });
  std::vector<std::vector<const Device*>> on(groups.count);
  for (const auto& [group, device] : sorted) {
    on[group.slice].push_back(device);
  }
  std::vector<Json> specs;
  for (const auto& group : on) {
    Json list = Json::array();
    for (const Device* device : group) {
      list.push_back(device_json(*device, input));
    }
    Json spec = Json::object();
    if (!list.empty()) {
      spec["devices"] = std::move(list);
    }
    specs.push_back(std::move(spec));
  }
  return specs;
}

// nlohmann's ordered objects compare by order of their members, which says nothing in an object.
nlohmann::json unordered(const Json& value) {
  return nlohmann::json::parse(
      value.dump(-1, ' ', false, Json::error_handler_t::replace), nullptr, false);
}

nlohmann::json part(const nlohmann::json& object, const char* first, const char* second) {
  const auto outer = object.find(first);
  if (outer == object.end() || !outer->is_object()) {
    return {};
  }
  const auto inner = outer->find(second);
  return inner == outer->end() ? nlohmann::json() : *inner;
}

}  // namespace

Result<std::vector<base::Json>> resource_slices(const SliceInput& input, std::int64_t generation) {
  std::vector<GpuDevices> gpus;
  for (const Gpu& gpu : input.now->gpus) {
    gpus.push_back(devices_of(gpu, input));
  }
  MIG_TRY(within_limits(input, gpus));
  std::vector<Json> specs = counter_specs(input, gpus);
  for (Json& spec : device_specs(input, gpus)) {
    specs.push_back(std::move(spec));
  }
  std::vector<Json> slices;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (specs[i].contains("devices") && specs[i]["devices"].size() > kMostDevices) {
      return fail(ErrorCode::kTooLarge,
                  fmt::format("a GPU has {} devices of one profile; the API allows {} in a slice",
                              specs[i]["devices"].size(),
                              kMostDevices));
    }
    Json spec = {
        {"driver", kDriverName},
        {"nodeName", input.node},
        {"pool",
         {{"name", input.node}, {"generation", generation}, {"resourceSliceCount", specs.size()}}}};
    spec.update(specs[i]);
    slices.push_back({{"apiVersion", "resource.k8s.io/v1"},
                      {"kind", "ResourceSlice"},
                      {"metadata", metadata_of(input, fmt::format("{}-mig-{:02}", input.node, i))},
                      {"spec", std::move(spec)}});
  }
  return slices;
}

SliceDifference compare_slices(const base::Json& a, const base::Json& b) {
  nlohmann::json one = unordered(a);
  nlohmann::json two = unordered(b);
  if (part(one, "metadata", "name") != part(two, "metadata", "name") ||
      part(one, "metadata", "ownerReferences") != part(two, "metadata", "ownerReferences")) {
    return SliceDifference::kContent;
  }
  for (nlohmann::json* object : {&one, &two}) {
    if (!part(*object, "spec", "pool").is_object()) {
      return SliceDifference::kContent;
    }
    (*object)["spec"]["pool"].erase("generation");
  }
  if (one["spec"] == two["spec"]) {
    return SliceDifference::kNone;
  }
  for (nlohmann::json* object : {&one, &two}) {
    auto& devices = (*object)["spec"]["devices"];
    if (devices.is_array()) {
      std::sort(devices.begin(), devices.end());
    }
  }
  return one["spec"] == two["spec"] ? SliceDifference::kOrder : SliceDifference::kContent;
}

}  // namespace mig::kube
