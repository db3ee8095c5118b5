// SPDX-License-Identifier: Apache-2.0
#include "apply/saved_layout.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/json.h"

namespace mig::apply {
namespace {

using base::Json;
constexpr std::uint32_t kFormat = 1;

Json placement_json(Placement placement) {
  return {{"start", placement.start}, {"size", placement.size}};
}

Json instance_json(const GpuInstance& instance) {
  Json computes = Json::array();
  for (const ComputeInstance& compute : instance.compute_instances) {
    Json one = {{"id", compute.id.value},
                {"nvmlProfile", compute.nvml_profile},
                {"profile", compute.name.str()}};
    if (compute.placement) {
      one["placement"] = placement_json(*compute.placement);
    }
    // For who asks later what a name was; a layout is rebuilt without them.
    if (!compute.uuid.empty()) {
      one["uuid"] = compute.uuid;
    }
    if (compute.device_index) {
      one["index"] = *compute.device_index;
    }
    computes.push_back(std::move(one));
  }
  return {{"id", instance.id.value},
          {"profileId", instance.profile_id.value},
          {"nvmlProfile", instance.nvml_profile},
          {"profile", instance.name.str()},
          {"placement", placement_json(instance.placement)},
          {"memoryMib", instance.memory_mib},
          {"sm", instance.sm},
          {"computeInstances", std::move(computes)}};
}

Placement placement_of(const base::JsonReader& json) {
  return {json.at("start").u32(), json.at("size").u32()};
}

ProfileName profile_of(const base::JsonReader& json) {
  const auto profile = ProfileName::parse(json.text());
  if (!profile) {
    json.complain("no profile's name");
    return {};
  }
  return *profile;
}

GpuInstance instance_of(const base::JsonReader& json) {
  GpuInstance instance;
  instance.id = {json.at("id").u32()};
  instance.profile_id = {json.at("profileId").u32()};
  instance.nvml_profile = json.at("nvmlProfile").u32();
  instance.placement = placement_of(json.at("placement"));
  instance.memory_mib = json.at("memoryMib").number();
  instance.sm = json.at("sm").u32();
  instance.name = profile_of(json.at("profile"));
  for (const base::JsonReader& one : json.at("computeInstances").elements()) {
    ComputeInstance compute;
    compute.id = {one.at("id").u32()};
    compute.nvml_profile = one.at("nvmlProfile").u32();
    compute.name = profile_of(one.at("profile"));
    if (one.has("placement")) {
      compute.placement = placement_of(one.at("placement"));
    }
    if (one.has("uuid")) {
      compute.uuid = one.at("uuid").text();
    }
    if (one.has("index")) {
      compute.device_index = one.at("index").u32();
    }
    instance.compute_instances.push_back(std::move(compute));
  }
  return instance;
}

struct SavedGpu {
  std::string uuid;
  GpuIndex index;
  bool enabled = false;
  bool pending = false;  // enabled after the next reset
  std::vector<GpuInstance> instances;
};

MigMode mode_of(bool enabled) {
  return enabled ? MigMode::kEnabled : MigMode::kDisabled;
}

Error unreadable(const std::string& why) {
  return Error{ErrorCode::kInternal,
               "the layout in the journal cannot be read: " + why,
               "the journal was changed by something else, or by a newer migctl",
               {},
               {}};
}

Result<std::vector<SavedGpu>> read(std::string_view saved) {
  constexpr std::size_t kMostBytes = 16U << 20U;
  const auto document = base::parse_json(saved, {kMostBytes, "the record"});
  if (!document) {
    return unreadable(document.error().message);
  }
  base::JsonProblem problem;
  const base::JsonReader reader(*document, "", problem);
  const std::uint32_t format = reader.at("format").u32();
  if (!problem.any() && format != kFormat) {
    return unreadable(fmt::format("it has format {}, this migctl knows {}", format, kFormat));
  }
  std::vector<SavedGpu> gpus;
  for (const base::JsonReader& one : reader.at("gpus").elements()) {
    SavedGpu gpu;
    gpu.uuid = one.at("uuid").text();
    gpu.index = {one.at("index").u32()};
    gpu.enabled = one.at("migEnabled").boolean();
    gpu.pending = one.has("migPending") ? one.at("migPending").boolean() : gpu.enabled;
    for (const base::JsonReader& instance : one.at("instances").elements()) {
      gpu.instances.push_back(instance_of(instance));
    }
    gpus.push_back(std::move(gpu));
  }
  if (problem.any()) {
    return unreadable(problem.text());
  }
  return gpus;
}

}  // namespace

std::string save_layout(const Inventory& inventory, const std::vector<std::string>& uuids) {
  Json gpus = Json::array();
  for (const std::string& uuid : uuids) {
    const Gpu* gpu = inventory.find_gpu(uuid);
    if (gpu == nullptr) {
      continue;
    }
    Json instances = Json::array();
    for (const GpuInstance& instance : gpu->instances) {
      instances.push_back(instance_json(instance));
    }
    gpus.push_back({{"uuid", gpu->uuid},
                    {"index", gpu->index.value},
                    {"migEnabled", gpu->mig_current == MigMode::kEnabled},
                    {"migPending", gpu->mig_pending == MigMode::kEnabled},
                    {"instances", std::move(instances)}});
  }
  return Json{{"format", kFormat}, {"gpus", std::move(gpus)}}.dump();
}

Result<Inventory> rebuild(std::string_view saved, const Inventory& now) {
  MIG_ASSIGN_OR_RETURN(std::vector<SavedGpu> gpus, read(saved));
  Inventory was = now;
  for (SavedGpu& one : gpus) {
    auto gpu = std::find_if(
        was.gpus.begin(), was.gpus.end(), [&](const Gpu& g) { return g.uuid == one.uuid; });
    if (gpu == was.gpus.end()) {
      gpu = was.gpus.insert(was.gpus.end(), Gpu{});
      gpu->uuid = one.uuid;
      gpu->index = one.index;
    }
    gpu->mig_current = mode_of(one.enabled);
    gpu->mig_pending = mode_of(one.pending);
    gpu->instances = std::move(one.instances);
    for (GpuInstance& instance : gpu->instances) {
      for (ComputeInstance& compute : instance.compute_instances) {
        compute.uuid.clear();  // made again, it has another
        compute.device_index.reset();
      }
    }
    gpu->processes.clear();
  }
  was.generation = layout_generation(was);
  return was;
}

Result<DesiredLayout> wish_of(std::string_view saved, const Inventory& now) {
  MIG_ASSIGN_OR_RETURN(const std::vector<SavedGpu> gpus, read(saved));
  DesiredLayout wish;
  wish.label = "the layout before";
  for (const SavedGpu& one : gpus) {
    const Gpu* gpu = now.find_gpu(one.uuid);
    if (gpu == nullptr) {
      return now.or_lost(
          Error{ErrorCode::kNotFound,
                fmt::format("GPU {} of the recorded layout is not on this machine now", one.uuid),
                "`migctl list` shows the GPUs that are",
                {},
                {}});
    }
    DesiredGpu desired;
    desired.gpu = gpu->index;
    desired.mig_enabled = one.enabled;
    for (const GpuInstance& instance : one.instances) {
      DesiredInstance wanted;
      wanted.profile = instance.name;
      wanted.placement = instance.placement;
      for (const ComputeInstance& compute : instance.compute_instances) {
        wanted.compute_instances.push_back(compute.name);
        wanted.compute_placements.push_back(compute.placement);
      }
      desired.instances.push_back(std::move(wanted));
    }
    wish.gpus.push_back(std::move(desired));
  }
  std::sort(wish.gpus.begin(), wish.gpus.end(), [](const DesiredGpu& a, const DesiredGpu& b) {
    return a.gpu < b.gpu;
  });
  return wish;
}

Result<PastLayout> instances_in(std::string_view saved) {
  MIG_ASSIGN_OR_RETURN(const std::vector<SavedGpu> gpus, read(saved));
  PastLayout layout;
  for (const SavedGpu& gpu : gpus) {
    layout.gpus.push_back(gpu.uuid);
    for (const GpuInstance& instance : gpu.instances) {
      for (const ComputeInstance& compute : instance.compute_instances) {
        layout.instances.push_back({compute.uuid,
                                    gpu.uuid,
                                    gpu.index,
                                    instance.id,
                                    compute.id,
                                    compute.name,
                                    instance.placement,
                                    compute.placement,
                                    compute.device_index});
      }
    }
  }
  return layout;
}

}  // namespace mig::apply
