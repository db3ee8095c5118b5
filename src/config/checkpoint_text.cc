// SPDX-License-Identifier: Apache-2.0
// The JSON of a checkpoint. Go matches member names case-insensitively and ignores unknown ones, so
// no member of ours equals one of mig-parted's in any case: "uuid" is used only where mig-parted
// has no UUID.
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "config/checkpoint.h"

namespace mig::config {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kApiVersion = "migctl/v1";
constexpr int kMostDepth = 16;

Json placement_json(Placement placement) {
  return {{"Start", placement.start}, {"Size", placement.size}};
}

Json compute_json(const ComputeInstance& compute) {
  Json json = {{"ProfileID", compute.nvml_profile},
               {"EngProfileID", 0},  // SHARED, the only engine profile
               {"id", compute.id.value},
               {"profile", compute.name.str()}};
  if (compute.placement) {
    json["place"] = placement_json(*compute.placement);
  }
  if (!compute.uuid.empty()) {
    json["uuid"] = compute.uuid;
  }
  return json;
}

Json instance_json(const GpuInstance& instance) {
  Json computes = Json::array();
  for (const ComputeInstance& compute : instance.compute_instances) {
    computes.push_back(compute_json(compute));
  }
  return {{"ProfileID", instance.nvml_profile},
          {"Placement", placement_json(instance.placement)},
          {"ComputeInstances", std::move(computes)},
          {"id", instance.id.value},
          {"profile", instance.name.str()},
          {"driverProfile", instance.profile_id.value}};
}

// A JSON value with its path in the document, for messages.
class Value {
 public:
  Value(const Json& json, std::string path) : json_(&json), path_(std::move(path)) {}

  Error wrong(const std::string& what) const {
    return Error{ErrorCode::kInvalidInput,
                 fmt::format("{} {}", path_, what),
                 "a checkpoint is written by migctl checkpoint or nvidia-mig-parted checkpoint",
                 {},
                 {}};
  }

  bool has(const char* key) const { return json_->is_object() && json_->contains(key); }

  Result<Value> at(const char* key) const {
    if (!json_->is_object()) {
      return wrong("is not an object");
    }
    const auto found = json_->find(key);
    if (found == json_->end()) {
      return wrong(fmt::format("has no member {}", key));
    }
    return Value(*found, path_ + (path_.back() == ':' ? " " : ".") + key);
  }

  // Go encodes an empty list as null.
  Result<std::vector<Value>> items() const {
    std::vector<Value> out;
    if (!json_->is_array() && !json_->is_null()) {
      return wrong("is not a list");
    }
    for (std::size_t i = 0; json_->is_array() && i < json_->size(); ++i) {
      out.emplace_back((*json_)[i], fmt::format("{}[{}]", path_, i));
    }
    return out;
  }

  Result<std::uint32_t> number() const {
    if (!json_->is_number_unsigned() ||
        json_->get<std::uint64_t>() > std::numeric_limits<std::uint32_t>::max()) {
      return wrong("is not a whole number from 0 to 4294967295");
    }
    return json_->get<std::uint32_t>();
  }

  Result<std::string> text() const {
    if (!json_->is_string()) {
      return wrong("is not a text");
    }
    return json_->get<std::string>();
  }

  Result<Placement> placement() const {
    MIG_ASSIGN_OR_RETURN(const Value start, at("Start"));
    MIG_ASSIGN_OR_RETURN(const Value size, at("Size"));
    MIG_ASSIGN_OR_RETURN(const std::uint32_t from, start.number());
    MIG_ASSIGN_OR_RETURN(const std::uint32_t many, size.number());
    constexpr std::uint32_t kMostSlots = 64;
    if (many == 0 || many > kMostSlots || from > kMostSlots) {
      return wrong("is no run of slots");
    }
    return Placement{from, many};
  }

  Result<std::optional<ProfileName>> profile() const {
    if (!has("profile")) {
      return std::optional<ProfileName>();
    }
    MIG_ASSIGN_OR_RETURN(const Value value, at("profile"));
    MIG_ASSIGN_OR_RETURN(const std::string name, value.text());
    auto parsed = ProfileName::parse(name);
    if (!parsed) {
      return std::move(parsed).error().in(value.path_);
    }
    return std::optional<ProfileName>(*std::move(parsed));
  }

  Result<std::uint32_t> number(const char* key) const {
    MIG_ASSIGN_OR_RETURN(const Value value, at(key));
    return value.number();
  }

 private:
  const Json* json_;
  std::string path_;
};

Result<SavedCompute> read_compute(const Value& value) {
  SavedCompute compute;
  MIG_ASSIGN_OR_RETURN(compute.nvml_profile, value.number("ProfileID"));
  MIG_ASSIGN_OR_RETURN(const std::uint32_t engine, value.number("EngProfileID"));
  if (engine != 0) {
    return value.wrong(fmt::format("has engine profile {}: only 0 (shared) is known", engine));
  }
  MIG_ASSIGN_OR_RETURN(compute.profile, value.profile());
  if (value.has("place")) {
    MIG_ASSIGN_OR_RETURN(const Value place, value.at("place"));
    MIG_ASSIGN_OR_RETURN(compute.placement, place.placement());
  }
  if (value.has("id")) {
    MIG_ASSIGN_OR_RETURN(const std::uint32_t id, value.number("id"));
    compute.id = ComputeInstanceId{id};
  }
  if (value.has("uuid")) {
    MIG_ASSIGN_OR_RETURN(const Value uuid, value.at("uuid"));
    MIG_ASSIGN_OR_RETURN(compute.uuid, uuid.text());
  }
  return compute;
}

Result<SavedInstance> read_instance(const Value& value) {
  SavedInstance instance;
  MIG_ASSIGN_OR_RETURN(instance.nvml_profile, value.number("ProfileID"));
  MIG_ASSIGN_OR_RETURN(const Value place, value.at("Placement"));
  MIG_ASSIGN_OR_RETURN(instance.placement, place.placement());
  MIG_ASSIGN_OR_RETURN(instance.profile, value.profile());
  if (value.has("id")) {
    MIG_ASSIGN_OR_RETURN(const std::uint32_t id, value.number("id"));
    instance.id = GpuInstanceId{id};
  }
  MIG_ASSIGN_OR_RETURN(const Value computes, value.at("ComputeInstances"));
  MIG_ASSIGN_OR_RETURN(const auto items, computes.items());
  for (const Value& item : items) {
    MIG_ASSIGN_OR_RETURN(SavedCompute compute, read_compute(item));
    instance.compute_instances.push_back(std::move(compute));
  }
  return instance;
}

Result<SavedGpu> read_gpu(const Value& value) {
  SavedGpu gpu;
  MIG_ASSIGN_OR_RETURN(const Value uuid, value.at("UUID"));
  MIG_ASSIGN_OR_RETURN(gpu.uuid, uuid.text());
  MIG_ASSIGN_OR_RETURN(const std::uint32_t mode, value.number("MigMode"));
  if (mode > 1) {
    return value.wrong(fmt::format("has MigMode {}: 0 (disabled) or 1 (enabled)", mode));
  }
  gpu.mig_enabled = mode == 1;
  MIG_ASSIGN_OR_RETURN(const Value instances, value.at("GpuInstances"));
  MIG_ASSIGN_OR_RETURN(const auto items, instances.items());
  for (const Value& item : items) {
    MIG_ASSIGN_OR_RETURN(SavedInstance instance, read_instance(item));
    gpu.instances.push_back(std::move(instance));
  }
  if (!gpu.mig_enabled && !gpu.instances.empty()) {
    return value.wrong("has instances with MIG disabled");
  }
  return gpu;
}

Result<void> check_versions(const Value& root, bool ours) {
  MIG_ASSIGN_OR_RETURN(const Value version, root.at("Version"));
  MIG_ASSIGN_OR_RETURN(const std::string text, version.text());
  if (text != "v1") {
    return root.wrong(fmt::format("has Version {}: this migctl knows v1", base::quoted(text)));
  }
  if (!ours) {
    return {};
  }
  MIG_ASSIGN_OR_RETURN(const Value api, root.at("apiVersion"));
  MIG_ASSIGN_OR_RETURN(const std::string api_text, api.text());
  if (api_text != kApiVersion) {
    return root.wrong(fmt::format(
        "has apiVersion {}: this migctl knows {}", base::quoted(api_text), kApiVersion));
  }
  MIG_ASSIGN_OR_RETURN(const Value kind, root.at("kind"));
  MIG_ASSIGN_OR_RETURN(const std::string kind_text, kind.text());
  if (kind_text != "Checkpoint") {
    return root.wrong(fmt::format("is a {}, not a Checkpoint", base::quoted(kind_text)));
  }
  return {};
}

Result<Checkpoint> read(const Json& json, const std::string& file) {
  const Value root(json, file + ":");
  const bool ours = root.has("apiVersion");
  MIG_TRY(check_versions(root, ours));
  MIG_ASSIGN_OR_RETURN(const Value state, root.at("MigState"));
  MIG_ASSIGN_OR_RETURN(const Value devices, state.at("Devices"));
  MIG_ASSIGN_OR_RETURN(const auto items, devices.items());
  Checkpoint checkpoint{file, ours, {}, {}};
  if (ours) {
    MIG_ASSIGN_OR_RETURN(checkpoint.names, read_names(json, file));
  }
  for (const Value& item : items) {
    MIG_ASSIGN_OR_RETURN(SavedGpu gpu, read_gpu(item));
    for (const SavedGpu& other : checkpoint.gpus) {
      if (other.uuid == gpu.uuid) {
        return item.wrong(fmt::format("names {} a second time", base::quoted(gpu.uuid)));
      }
    }
    checkpoint.gpus.push_back(std::move(gpu));
  }
  if (checkpoint.gpus.empty()) {
    return devices.wrong("is empty: there is nothing to restore");
  }
  return checkpoint;
}

}  // namespace

Result<std::string> checkpoint_text(const Inventory& inventory, const SavedNames& names) {
  Json devices = Json::array();
  for (const Gpu& gpu : inventory.gpus) {
    if (gpu.mig_current == MigMode::kUnsupported) {
      continue;
    }
    if (!gpu.instances_complete) {
      return fail(ErrorCode::kPermission,
                  fmt::format("cannot record GPU {}: the driver refuses to list its instances",
                              gpu.index.value),
                  "run it as root (sudo), or as the owner of the simulated machine");
    }
    const bool enabled = gpu.mig_current == MigMode::kEnabled;
    Json instances = Json::array();
    for (const GpuInstance& instance : enabled ? gpu.instances : std::vector<GpuInstance>{}) {
      instances.push_back(instance_json(instance));
    }
    devices.push_back({{"UUID", gpu.uuid},
                       {"MigMode", enabled ? 1 : 0},
                       {"GpuInstances", std::move(instances)},
                       {"index", gpu.index.value},
                       {"name", gpu.name},
                       {"pciBusId", gpu.pci_bus_id}});
  }
  if (devices.empty()) {
    return fail(ErrorCode::kNotSupported,
                "no GPU of this machine can do MIG: there is nothing to record",
                "migctl list shows the GPUs");
  }
  Json document = {{"apiVersion", kApiVersion},
                   {"kind", "Checkpoint"},
                   {"simulated", inventory.simulated},
                   {"driverVersion", inventory.driver_version},
                   {"Version", "v1"},
                   {"MigState", {{"Devices", std::move(devices)}}}};
  add_names(names, document);
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Checkpoint> parse_checkpoint(std::string_view text, std::string_view file) {
  if (text.size() > kMostCheckpointBytes) {
    return fail(ErrorCode::kTooLarge,
                fmt::format("{} holds {} bytes; a checkpoint has at most {}",
                            file,
                            text.size(),
                            kMostCheckpointBytes));
  }
  bool deep = false;
  const auto shallow = [&](int depth, Json::parse_event_t, const Json&) {
    deep = deep || depth > kMostDepth;
    return !deep;
  };
  try {
    const Json json = Json::parse(text, shallow);
    if (deep) {
      return fail(ErrorCode::kInvalidInput,
                  fmt::format("{}: nested deeper than {} levels", file, kMostDepth));
    }
    return read(json, std::string(file));
  } catch (const Json::exception& error) {
    return fail(ErrorCode::kInvalidInput,
                fmt::format("{} is not JSON: {}", file, error.what()),
                "a checkpoint is written by migctl checkpoint or nvidia-mig-parted checkpoint");
  }
}

}  // namespace mig::config
