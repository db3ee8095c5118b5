// SPDX-License-Identifier: Apache-2.0
#include "wire/document.h"

namespace mig::wire {
namespace {

Json slot_json(const SlotEntry& slot) {
  Json json;
  json["name"] = slot.name;
  json["state"] = slot.state;
  json["profile"] = slot.profile;
  json["gpu"] = or_null(slot.gpu);
  json["gpuUuid"] = slot.gpu_uuid;
  json["pciBusId"] = slot.pci_bus_id;
  json["standIn"] = slot.stand_in;
  json["placement"] = placement_json(slot.placement);
  json["computeStart"] = or_null(slot.compute_start);
  json["gpuInstance"] = or_null(slot.gpu_instance);
  json["computeInstance"] = or_null(slot.compute_instance);
  json["uuid"] = text_or_null(slot.uuid);
  json["previousUuid"] = text_or_null(slot.previous_uuid);
  json["changedMs"] = or_null(slot.changed_ms);
  json["note"] = text_or_null(slot.note);
  return json;
}

}  // namespace

std::string slot_list_document(const std::vector<SlotEntry>& slots, const Source& source) {
  Json document = begin_document("SlotList", source);
  document["slots"] = Json::array();
  for (const SlotEntry& slot : slots) {
    document["slots"].push_back(slot_json(slot));
  }
  return finish(document);
}

std::string slot_document(const SlotEntry& slot, const Source& source) {
  Json document = begin_document("Slot", source);
  document.update(slot_json(slot));
  return finish(document);
}

}  // namespace mig::wire
