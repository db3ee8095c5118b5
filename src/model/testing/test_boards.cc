// SPDX-License-Identifier: Apache-2.0
#include "model/testing/test_boards.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/compute_names.h"
#include "model/slots.h"

namespace mig::testing {
namespace {

using Json = nlohmann::json;

[[noreturn]] void stop(const std::string& why) {
  std::fprintf(stderr, "test data: %s\n", why.c_str());
  std::abort();
}

std::vector<Placement> placements(const Json& starts, std::uint32_t size) {
  std::vector<Placement> out;
  if (starts.is_array()) {
    for (const Json& start : starts) {
      out.push_back({start.get<std::uint32_t>(), size});
    }
  }
  return out;
}

ProfileName name_of(const Json& profile) {
  auto name = ProfileName::parse(profile.at("name").get<std::string>());
  if (!name) {
    stop(name.error().message);
  }
  return *name;
}

GpuInstanceProfile profile_of(const Json& json) {
  GpuInstanceProfile profile;
  profile.nvml_profile = json.at("enum");
  profile.id = {json.at("id").get<std::uint32_t>()};
  profile.name = name_of(json);
  profile.slices = json.at("slices");
  profile.max_count = json.at("max_count");
  profile.sm = json.at("sm");
  profile.memory_mib = json.at("memory_mib");
  const Json& engines = json.at("engines");
  profile.engines = {engines.at("ce"),
                     engines.at("dec"),
                     engines.at("enc"),
                     engines.at("jpeg"),
                     engines.at("ofa")};
  profile.placements = placements(json.at("starts"), json.at("size"));
  for (const Json& entry : json.at("compute_profiles")) {
    ComputeInstanceProfile compute;
    compute.nvml_profile = entry.at("enum");
    compute.slices = entry.at("slices");
    compute.max_count = entry.at("max_count");
    if (entry.at("sm").is_number()) {
      compute.sm = entry.at("sm").get<std::uint32_t>();
    }
    compute.placements = placements(entry.at("starts"), entry.at("size"));
    profile.compute_profiles.push_back(compute);
  }
  name_compute_profiles(profile.name, profile.compute_profiles);
  return profile;
}

Architecture architecture_of(const std::string& name) {
  return name == "ampere"      ? Architecture::kAmpere
         : name == "hopper"    ? Architecture::kHopper
         : name == "blackwell" ? Architecture::kBlackwell
                               : Architecture::kUnknown;
}

}  // namespace

std::vector<std::string> board_keys() {
  std::vector<std::string> keys;
  for (const auto& entry : std::filesystem::directory_iterator(MIG_BOARD_FILES)) {
    if (entry.path().extension() == ".json") {
      keys.push_back(entry.path().stem());
    }
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

Gpu board(const std::string& key, std::uint32_t index) {
  std::ifstream file(fmt::format("{}/{}.json", MIG_BOARD_FILES, key));
  const Json json = Json::parse(file, nullptr, false);
  if (json.is_discarded()) {
    stop("no readable board file " + key);
  }
  const Json& identity = json.at("identity");
  Gpu gpu;
  gpu.index = {index};
  gpu.uuid = fmt::format("GPU-{:08x}-{}", index, key);
  gpu.name = identity.at("name");
  gpu.pci_device_id = static_cast<std::uint32_t>(
      std::stoul(identity.at("pci_device_id").get<std::string>(), nullptr, 16));
  gpu.architecture = architecture_of(identity.at("architecture"));
  gpu.mig_current = gpu.mig_pending = MigMode::kEnabled;
  for (const Json& profile : json.at("mig").at("profiles")) {
    gpu.profiles.push_back(profile_of(profile));
    for (const Placement placement : gpu.profiles.back().placements) {
      gpu.memory_slices = std::max(gpu.memory_slices, placement.end());
    }
    gpu.compute_slices = std::max(gpu.compute_slices, gpu.profiles.back().slices);
  }
  return gpu;
}

Inventory inventory(std::vector<Gpu> gpus) {
  Inventory out;
  out.gpus = std::move(gpus);
  out.generation = layout_generation(out);
  return out;
}

GpuInstance& add_instance(Gpu& gpu,
                          std::string_view name,
                          std::uint32_t start,
                          const std::vector<std::string>& compute) {
  const auto parsed = ProfileName::parse(name);
  const GpuInstanceProfile* profile = parsed ? gpu.find_profile(*parsed) : nullptr;
  if (profile == nullptr) {
    stop(fmt::format("{} has no profile {}", gpu.name, name));
  }
  GpuInstance instance;
  for (const GpuInstance& other : gpu.instances) {
    instance.id.value = std::max(instance.id.value, other.id.value + 1);
  }
  instance.profile_id = profile->id;
  instance.nvml_profile = profile->nvml_profile;
  instance.name = profile->name;
  instance.placement = {start, profile->placements.at(0).size};
  std::uint64_t taken = 0;
  for (const std::string& wanted : compute) {
    if (wanted == "-") {
      continue;
    }
    const auto* inside =
        find_compute_profile(*profile, ProfileName::parse(wanted.empty() ? name : wanted).value());
    ComputeInstance made;
    made.id = {static_cast<std::uint32_t>(instance.compute_instances.size())};
    made.nvml_profile = inside->nvml_profile;
    made.name = inside->name;
    for (const Placement placement : inside->placements) {
      if (!made.placement && (slot_mask(placement) & taken) == 0) {
        made.placement = placement;
        taken |= slot_mask(placement);
      }
    }
    instance.compute_instances.push_back(made);
  }
  gpu.instances.push_back(std::move(instance));
  return gpu.instances.back();
}

void add_process(Gpu& gpu,
                 const GpuInstance& instance,
                 std::uint32_t pid,
                 const std::string& name) {
  Process process;
  process.pid = pid;
  process.name = name;
  process.gpu_instance = instance.id;
  gpu.processes.push_back(process);
}

}  // namespace mig::testing
