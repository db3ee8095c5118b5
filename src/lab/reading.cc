// SPDX-License-Identifier: Apache-2.0
#include "lab/reading.h"

#include <array>
#include <cstddef>
#include <string>
#include <utility>

#include "base/json.h"

namespace mig::lab {
namespace {

using base::JsonReader;

constexpr std::size_t kMostBytes = std::size_t{8} << 20U;

ProfileName name_at(const JsonReader& reader) {
  const auto name = ProfileName::parse(reader.text());
  if (!name) {
    reader.complain("a profile's name is expected");
    return {};
  }
  return *name;
}

Placement placement_at(const JsonReader& reader) {
  return {reader.at("start").u32(), reader.at("size").u32()};
}

MigMode mode_at(const JsonReader& reader) {
  const std::string text = reader.text();
  if (text == "enabled") {
    return MigMode::kEnabled;
  }
  return text == "disabled" ? MigMode::kDisabled : MigMode::kUnsupported;
}

Architecture architecture_at(const JsonReader& reader) {
  constexpr std::array<std::pair<std::string_view, Architecture>, 6> kNames = {{
      {"older", Architecture::kOlder},
      {"ampere", Architecture::kAmpere},
      {"ada", Architecture::kAda},
      {"hopper", Architecture::kHopper},
      {"blackwell", Architecture::kBlackwell},
      {"newer", Architecture::kNewer},
  }};
  const std::string text = reader.text();
  for (const auto& [name, value] : kNames) {
    if (name == text) {
      return value;
    }
  }
  return Architecture::kUnknown;
}

ComputeInstance compute_instance_at(const JsonReader& reader) {
  ComputeInstance ci;
  ci.id.value = reader.at("id").u32();
  ci.name = name_at(reader.at("profile"));
  ci.nvml_profile = reader.at("profileId").u32();
  ci.placement = reader.at("placement").optional(placement_at);
  ci.sm = reader.at("sm").optional([](const JsonReader& sm) { return sm.u32(); });
  ci.uuid = reader.given("uuid") ? reader.at("uuid").text() : "";
  ci.device_index =
      reader.at("index").optional([](const JsonReader& index) { return index.u32(); });
  ci.memory_used_mib =
      reader.at("memoryUsedMib").optional([](const JsonReader& used) { return used.number(); });
  return ci;
}

GpuInstance instance_at(const JsonReader& reader) {
  GpuInstance gi;
  gi.id.value = reader.at("id").u32();
  gi.name = name_at(reader.at("profile"));
  gi.profile_id.value = reader.at("profileId").u32();
  gi.placement = placement_at(reader.at("placement"));
  gi.memory_mib = reader.at("memoryMib").number();
  gi.sm = reader.at("sm").u32();
  for (const JsonReader& ci : reader.at("computeInstances").elements()) {
    gi.compute_instances.push_back(compute_instance_at(ci));
  }
  return gi;
}

Process process_at(const JsonReader& reader) {
  Process process;
  process.pid = reader.at("pid").u32();
  process.name = reader.given("name") ? reader.at("name").text() : "";
  process.memory_mib =
      reader.at("memoryMib").optional([](const JsonReader& used) { return used.number(); });
  if (reader.given("gpuInstance")) {
    process.gpu_instance = GpuInstanceId{reader.at("gpuInstance").u32()};
  }
  if (reader.given("computeInstance")) {
    process.compute_instance = ComputeInstanceId{reader.at("computeInstance").u32()};
  }
  return process;
}

Gpu gpu_at(const JsonReader& reader) {
  Gpu gpu;
  gpu.index.value = reader.at("index").u32();
  gpu.name = reader.at("name").text();
  gpu.uuid = reader.at("uuid").text();
  gpu.pci_bus_id = reader.at("pciBusId").text();
  gpu.architecture = architecture_at(reader.at("architecture"));
  gpu.memory_total_mib =
      reader.at("memoryTotalMib").optional([](const JsonReader& total) { return total.number(); });
  gpu.mig_current = mode_at(reader.at("mig").at("current"));
  gpu.mig_pending = mode_at(reader.at("mig").at("pending"));
  gpu.max_mig_devices = reader.at("mig").at("maxDevices").u32();
  gpu.memory_slices = reader.given("memorySlices") ? reader.at("memorySlices").u32() : 0;
  gpu.compute_slices = reader.given("computeSlices") ? reader.at("computeSlices").u32() : 0;
  gpu.instances_complete = reader.at("instancesComplete").boolean();
  for (const JsonReader& gi : reader.at("gpuInstances").elements()) {
    gpu.instances.push_back(instance_at(gi));
  }
  for (const JsonReader& process : reader.at("processes").elements()) {
    gpu.processes.push_back(process_at(process));
  }
  return gpu;
}

GpuInstanceProfile profile_at(const JsonReader& reader) {
  GpuInstanceProfile profile;
  profile.name = name_at(reader.at("name"));
  profile.id.value = reader.at("id").u32();
  profile.nvml_profile = reader.at("enum").u32();
  profile.slices = reader.at("slices").u32();
  profile.max_count = reader.at("maxCount").u32();
  profile.remaining = reader.at("free").optional([](const JsonReader& free) { return free.u32(); });
  profile.memory_mib = reader.at("memoryMib").number();
  profile.sm = reader.at("sm").u32();
  return profile;
}

void read_profiles(const JsonReader& reader, Inventory& inventory) {
  for (const JsonReader& entry : reader.at("gpus").elements()) {
    const std::uint32_t index = entry.at("index").u32();
    for (Gpu& gpu : inventory.gpus) {
      if (gpu.index.value != index) {
        continue;
      }
      for (const JsonReader& profile : entry.at("profiles").elements()) {
        gpu.profiles.push_back(profile_at(profile));
      }
    }
  }
}

}  // namespace

Result<Inventory> parse_reading(std::string_view list, std::string_view profiles) {
  MIG_ASSIGN_OR_RETURN(const base::Json json, base::parse_json(list, {kMostBytes, "the machine"}));
  base::JsonProblem problem;
  const JsonReader reader(json, "", problem);
  Inventory inventory;
  inventory.simulated = reader.at("simulated").boolean();
  if (reader.given("simulatedMachine")) {
    inventory.simulated_machine = reader.at("simulatedMachine").text();
  }
  inventory.driver_version = reader.at("driverVersion").text();
  inventory.nvml_version = reader.at("nvmlVersion").text();
  for (const JsonReader& gpu : reader.at("gpus").elements()) {
    inventory.gpus.push_back(gpu_at(gpu));
  }
  base::Json more;
  if (!profiles.empty()) {
    MIG_ASSIGN_OR_RETURN(more, base::parse_json(profiles, {kMostBytes, "the profiles"}));
    read_profiles(JsonReader(more, "", problem), inventory);
  }
  if (problem.any()) {
    return fail(ErrorCode::kInvalidInput, "the machine's reading: " + problem.text());
  }
  return inventory;
}

}  // namespace mig::lab
