// SPDX-License-Identifier: Apache-2.0
// The members "slots" and "leases" of a checkpoint, which mig-parted ignores.
#include "config/checkpoint_names.h"

#include <limits>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace mig::config {
namespace {

using Json = nlohmann::ordered_json;

Json place_json(Placement place) {
  return {{"Start", place.start}, {"Size", place.size}};
}

// An object of a list, with its path for messages.
class Member {
 public:
  Member(const Json& json, std::string path) : json_(json), path_(std::move(path)) {}

  Error wrong(const std::string& what) const {
    return Error{ErrorCode::kInvalidInput,
                 path_ + " " + what,
                 "a checkpoint is written by migctl checkpoint",
                 {},
                 {}};
  }

  bool has(const char* key) const { return json_.contains(key) && !json_.at(key).is_null(); }

  Result<std::string> text(const char* key) const {
    constexpr std::size_t kLongest = 4096;
    if (!json_.contains(key) || !json_.at(key).is_string() ||
        json_.at(key).get_ref<const std::string&>().size() > kLongest) {
      return wrong(fmt::format("has no text {}", key));
    }
    return json_.at(key).get<std::string>();
  }

  Result<std::uint32_t> number(const char* key) const {
    if (!json_.contains(key) || !json_.at(key).is_number_unsigned() ||
        json_.at(key).get<std::uint64_t>() > std::numeric_limits<std::uint32_t>::max()) {
      return wrong(fmt::format("has no number {}", key));
    }
    return json_.at(key).get<std::uint32_t>();
  }

  Result<Placement> place(const char* key) const {
    constexpr std::uint32_t kMostSlots = 64;
    if (!json_.contains(key) || !json_.at(key).is_object()) {
      return wrong(fmt::format("has no place {}", key));
    }
    const Member inner(json_.at(key), path_ + "." + key);
    MIG_ASSIGN_OR_RETURN(const std::uint32_t start, inner.number("Start"));
    MIG_ASSIGN_OR_RETURN(const std::uint32_t size, inner.number("Size"));
    if (size == 0 || size > kMostSlots || start > kMostSlots) {
      return inner.wrong("is no run of slots");
    }
    return Placement{start, size};
  }

  const Json& json() const { return json_; }

 private:
  const Json& json_;
  std::string path_;
};

Result<SavedSlot> read_slot(const Member& member) {
  SavedSlot slot;
  MIG_ASSIGN_OR_RETURN(slot.name, member.text("name"));
  MIG_ASSIGN_OR_RETURN(slot.gpu_uuid, member.text("gpuUuid"));
  MIG_ASSIGN_OR_RETURN(slot.pci_bus_id, member.text("pciBusId"));
  MIG_ASSIGN_OR_RETURN(slot.pci_device_id, member.number("pciDeviceId"));
  MIG_ASSIGN_OR_RETURN(slot.profile, member.text("profile"));
  MIG_ASSIGN_OR_RETURN(slot.place, member.place("place"));
  MIG_ASSIGN_OR_RETURN(slot.uuid, member.text("uuid"));
  if (member.has("computeStart")) {
    MIG_ASSIGN_OR_RETURN(slot.compute_start, member.number("computeStart"));
  }
  return slot;
}

Result<SavedLease> read_lease(const Member& member) {
  SavedLease lease;
  MIG_ASSIGN_OR_RETURN(lease.gpu_uuid, member.text("gpuUuid"));
  MIG_ASSIGN_OR_RETURN(lease.uuid, member.text("uuid"));
  MIG_ASSIGN_OR_RETURN(lease.place, member.place("place"));
  if (member.has("computePlace")) {
    MIG_ASSIGN_OR_RETURN(lease.compute_place, member.place("computePlace"));
  }
  for (const auto& [key, value] : member.json().items()) {
    if (value.is_string()) {
      MIG_ASSIGN_OR_RETURN(lease.words[key], member.text(key.c_str()));
    } else if (value.is_number_integer()) {
      lease.numbers[key] = value.get<std::int64_t>();
    }
  }
  lease.words.erase("gpuUuid");
  lease.words.erase("uuid");
  return lease;
}

template <class Saved, class Read>
Result<void> read_list(const Json& document,
                       const char* key,
                       const std::string& file,
                       Read read,
                       std::vector<Saved>& out) {
  if (!document.contains(key)) {
    return {};
  }
  const Json& list = document.at(key);
  if (!list.is_array()) {
    return Member(list, fmt::format("{}: {}", file, key)).wrong("is not a list");
  }
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Member member(list[i], fmt::format("{}: {}[{}]", file, key, i));
    if (!list[i].is_object()) {
      return member.wrong("is not an object");
    }
    MIG_ASSIGN_OR_RETURN(Saved saved, read(member));
    out.push_back(std::move(saved));
  }
  return {};
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
  MIG_TRY(read_list(document, "slots", file, read_slot, names.slots));
  MIG_TRY(read_list(document, "leases", file, read_lease, names.leases));
  return names;
}

}  // namespace mig::config
