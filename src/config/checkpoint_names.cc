// SPDX-License-Identifier: Apache-2.0
// The members "slots" and "leases" of a checkpoint, which mig-parted ignores.
#include "config/checkpoint_names.h"

#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "base/json.h"

namespace mig::config {
namespace {

using base::Json;

Json place_json(Placement place) {
  return {{"Start", place.start}, {"Size", place.size}};
}

std::string text_of(const base::JsonReader& json) {
  constexpr std::size_t kLongest = 4096;
  std::string text = json.text();
  if (text.size() > kLongest) {
    json.complain(fmt::format("{} bytes; the limit is {}", text.size(), kLongest));
  }
  return text;
}

Placement place_of(const base::JsonReader& json) {
  constexpr std::uint32_t kMostSlots = 64;
  const Placement place{json.at("Start").u32(), json.at("Size").u32()};
  if (place.size == 0 || place.size > kMostSlots || place.start > kMostSlots) {
    json.complain("no run of slots");
  }
  return place;
}

SavedSlot read_slot(const base::JsonReader& json, const Json& /*raw*/) {
  SavedSlot slot;
  slot.name = text_of(json.at("name"));
  slot.gpu_uuid = text_of(json.at("gpuUuid"));
  slot.pci_bus_id = text_of(json.at("pciBusId"));
  slot.pci_device_id = json.at("pciDeviceId").u32();
  slot.profile = text_of(json.at("profile"));
  slot.place = place_of(json.at("place"));
  slot.uuid = text_of(json.at("uuid"));
  if (json.given("computeStart")) {
    slot.compute_start = json.at("computeStart").u32();
  }
  return slot;
}

SavedLease read_lease(const base::JsonReader& json, const Json& raw) {
  SavedLease lease;
  lease.gpu_uuid = text_of(json.at("gpuUuid"));
  lease.uuid = text_of(json.at("uuid"));
  lease.place = place_of(json.at("place"));
  if (json.given("computePlace")) {
    lease.compute_place = place_of(json.at("computePlace"));
  }
  for (const auto& [key, value] : raw.items()) {
    if (value.is_string()) {
      lease.words[key] = text_of(json.at(key));
    } else if (value.is_number_integer()) {
      lease.numbers[key] = json.at(key).clamped(INT64_MIN, INT64_MAX);
    }
  }
  lease.words.erase("gpuUuid");
  lease.words.erase("uuid");
  return lease;
}

template <class Saved, class Read>
void read_list(const Json& document,
               const char* key,
               base::JsonProblem& problem,
               Read read,
               std::vector<Saved>& out) {
  const base::JsonReader reader(document, "", problem);
  if (!reader.has(key)) {
    return;
  }
  std::size_t index = 0;
  for (const base::JsonReader& one : reader.at(key).elements()) {
    out.push_back(read(one, document[key][index++]));
    if (problem.any()) {
      return;
    }
  }
}

}  // namespace

void add_names(const SavedNames& names, Json& document) {
  document["slots"] = Json::array();
  for (const SavedSlot& slot : names.slots) {
    document["slots"].push_back(
        {{"name", slot.name},
         {"gpuUuid", slot.gpu_uuid},
         {"pciBusId", slot.pci_bus_id},
         {"pciDeviceId", slot.pci_device_id},
         {"profile", slot.profile},
         {"place", place_json(slot.place)},
         {"computeStart", slot.compute_start ? Json(*slot.compute_start) : Json(nullptr)},
         {"uuid", slot.uuid}});
  }
  document["leases"] = Json::array();
  for (const SavedLease& lease : names.leases) {
    Json json = {
        {"uuid", lease.uuid},
        {"gpuUuid", lease.gpu_uuid},
        {"place", place_json(lease.place)},
        {"computePlace", lease.compute_place ? place_json(*lease.compute_place) : Json(nullptr)}};
    for (const auto& [key, value] : lease.words) {
      json[key] = value;
    }
    for (const auto& [key, value] : lease.numbers) {
      json[key] = value;
    }
    document["leases"].push_back(std::move(json));
  }
}

Result<SavedNames> read_names(const Json& document, const std::string& file) {
  SavedNames names;
  base::JsonProblem problem;
  read_list(document, "slots", problem, read_slot, names.slots);
  read_list(document, "leases", problem, read_lease, names.leases);
  if (problem.any()) {
    return fail(ErrorCode::kInvalidInput,
                fmt::format("{}: {}", file, problem.text()),
                "a checkpoint is written by migctl checkpoint");
  }
  return names;
}

}  // namespace mig::config
