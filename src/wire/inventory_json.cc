// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "wire/document.h"
#include "wire/readings.h"

namespace mig::wire {
namespace {

// Adds readings to an object, for the lists of readings.h.
class ReadingsInto {
 public:
  explicit ReadingsInto(Json& object) : object_(object) {}

  template <class T>
  void operator()(const char* key, const T& value) {
    object_[key] = value;
  }

  template <class T>
  void operator()(const char* key, const std::optional<T>& value) {
    object_[key] = or_null(value);
  }

 private:
  Json& object_;
};

std::string_view architecture_text(Architecture architecture) {
  switch (architecture) {
    case Architecture::kUnknown:
      return "unknown";
    case Architecture::kOlder:
      return "older";
    case Architecture::kAmpere:
      return "ampere";
    case Architecture::kAda:
      return "ada";
    case Architecture::kHopper:
      return "hopper";
    case Architecture::kBlackwell:
      return "blackwell";
    case Architecture::kNewer:
      return "newer";
  }
  return "unknown";
}

Json processes_json(const std::vector<Process>& processes) {
  Json json = Json::array();
  for (const auto& process : processes) {
    json.push_back(process_json(process));
  }
  return json;
}

Json compute_instance_json(const ComputeInstance& instance) {
  Json json;
  json["id"] = instance.id.value;
  json["profile"] = instance.name.str();
  json["profileId"] = instance.nvml_profile;
  json["placement"] = instance.placement ? placement_json(*instance.placement) : Json(nullptr);
  json["sm"] = or_null(instance.sm);
  json["uuid"] = instance.uuid.empty() ? Json(nullptr) : Json(instance.uuid);
  json["index"] = or_null(instance.device_index);
  ReadingsInto readings(json);
  compute_instance_readings(readings, instance);
  return json;
}

Json gpu_instance_json(const Gpu& gpu, const GpuInstance& instance) {
  Json json;
  json["id"] = instance.id.value;
  json["profile"] = instance.name.str();
  json["profileId"] = instance.profile_id.value;
  json["placement"] =
      instance.placement.size == 0 ? Json(nullptr) : placement_json(instance.placement);
  ReadingsInto readings(json);
  gpu_instance_readings(readings, instance);
  json["computeInstances"] = Json::array();
  for (const auto& compute : instance.compute_instances) {
    json["computeInstances"].push_back(compute_instance_json(compute));
  }
  json["processes"] = processes_json(gpu.processes_on(instance.id));
  return json;
}

Json display_json(const Display& display) {
  return Json{
      {"pciClass",
       display.pci_class ? Json(fmt::format("0x{:04x}", *display.pci_class)) : Json(nullptr)},
      {"attached", or_null(display.attached)},
      {"active", or_null(display.active)}};
}

Json gpu_json(const Gpu& gpu) {
  Json json;
  json["index"] = gpu.index.value;
  ReadingsInto readings(json);
  gpu_readings(readings, gpu);
  json["architecture"] = architecture_text(gpu.architecture);
  json["memoryTotalMib"] = gpu.memory_total_mib ? Json(*gpu.memory_total_mib) : Json();
  json["display"] = display_json(gpu.display);
  const bool supported = gpu.mig_current != MigMode::kUnsupported;
  json["mig"] = Json{{"supported", supported},
                     {"current", mode_text(gpu.mig_current)},
                     {"pending", mode_text(gpu.mig_pending)},
                     {"maxDevices", gpu.max_mig_devices}};
  const bool slices_told = !supported || gpu.memory_slices != 0;
  json["memorySlices"] = slices_told ? Json(gpu.memory_slices) : Json();
  json["computeSlices"] = slices_told ? Json(gpu.compute_slices) : Json();
  json["instancesComplete"] = gpu.instances_complete;
  json["gpuInstances"] = Json::array();
  for (const auto& instance : gpu.instances) {
    json["gpuInstances"].push_back(gpu_instance_json(gpu, instance));
  }
  json["processes"] = processes_json(gpu.processes);
  return json;
}

Json compute_profile_json(const ComputeInstanceProfile& profile) {
  Json json;
  json["name"] = profile.name.str();
  json["id"] = profile.nvml_profile;
  json["slices"] = profile.slices;
  json["maxCount"] = profile.max_count;
  json["sm"] = or_null(profile.sm);
  json["placements"] = Json::array();
  for (const auto& placement : profile.placements) {
    json["placements"].push_back(placement_json(placement));
  }
  return json;
}

Json profile_json(const GpuInstanceProfile& profile) {
  Json json;
  json["name"] = profile.name.str();
  json["id"] = profile.id.value;
  json["enum"] = profile.nvml_profile;
  json["slices"] = profile.slices;
  json["maxCount"] = profile.max_count;
  json["free"] = or_null(profile.remaining);
  json["memoryMib"] = profile.memory_mib;
  json["sm"] = profile.sm;
  json["copyEngines"] = profile.engines.copy;
  json["decoders"] = profile.engines.decoders;
  json["encoders"] = profile.engines.encoders;
  json["jpeg"] = profile.engines.jpeg;
  json["ofa"] = profile.engines.ofa;
  json["p2p"] = profile.p2p;
  json["graphics"] = profile.graphics;
  json["computeProfiles"] = Json::array();
  for (const auto& compute : profile.compute_profiles) {
    json["computeProfiles"].push_back(compute_profile_json(compute));
  }
  json["computeProfilesDerived"] = profile.compute_profiles_derived;
  return json;
}

// Free: overlaps no visible instance. Unknown (null) when the driver hides some.
Json placements_json(const Gpu& gpu, const GpuInstanceProfile& profile) {
  Json json;
  json["profile"] = profile.name.str();
  json["id"] = profile.id.value;
  json["size"] = profile.placements.empty() ? Json(nullptr) : Json(profile.placements.front().size);
  json["starts"] = profile.placements.empty() ? Json(nullptr) : Json::array();
  const bool places_known = gpu.instances_complete && !profile.placements.empty();
  json["freeStarts"] = places_known ? Json::array() : Json(nullptr);
  for (const auto& placement : profile.placements) {
    json["starts"].push_back(placement.start);
    const bool taken =
        std::any_of(gpu.instances.begin(), gpu.instances.end(), [&](const GpuInstance& instance) {
          return instance.placement.overlaps(placement);
        });
    if (gpu.instances_complete && !taken && profile.remaining != 0U) {
      json["freeStarts"].push_back(placement.start);
    }
  }
  return json;
}

}  // namespace

Json lost_json(const std::vector<LostGpu>& lost) {
  Json out = Json::array();
  for (const LostGpu& gpu : lost) {
    out.push_back({{"index", gpu.index.value},
                   {"message", gpu.why.message},
                   {"nvml", or_null(gpu.why.nvml)}});
  }
  return out;
}

std::string inventory_document(const Inventory& inventory) {
  Json document = begin_document("Inventory", Source::of(inventory));
  document["driverVersion"] = inventory.driver_version;
  document["nvmlVersion"] = inventory.nvml_version;
  document["generation"] = generation_text(inventory.generation);
  document["gpus"] = Json::array();
  for (const auto& gpu : inventory.gpus) {
    document["gpus"].push_back(gpu_json(gpu));
  }
  document["lost"] = lost_json(inventory.lost);
  document["warnings"] = inventory.warnings;
  return finish(document);
}

std::string profile_list_document(const Inventory& inventory) {
  Json document = begin_document("ProfileList", Source::of(inventory));
  document["gpus"] = Json::array();
  for (const auto& gpu : inventory.gpus) {
    Json entry{{"index", gpu.index.value}, {"name", gpu.name}, {"profiles", Json::array()}};
    for (const auto& profile : gpu.profiles) {
      entry["profiles"].push_back(profile_json(profile));
    }
    document["gpus"].push_back(std::move(entry));
  }
  document["lost"] = lost_json(inventory.lost);
  return finish(document);
}

std::string placement_list_document(const Inventory& inventory) {
  Json document = begin_document("PlacementList", Source::of(inventory));
  document["gpus"] = Json::array();
  for (const auto& gpu : inventory.gpus) {
    Json entry{{"index", gpu.index.value}, {"name", gpu.name}, {"placements", Json::array()}};
    for (const auto& profile : gpu.profiles) {
      entry["placements"].push_back(placements_json(gpu, profile));
    }
    document["gpus"].push_back(std::move(entry));
  }
  document["lost"] = lost_json(inventory.lost);
  return finish(document);
}

}  // namespace mig::wire
