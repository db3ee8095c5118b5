// SPDX-License-Identifier: Apache-2.0
#include "wire/document.h"

namespace mig::wire {
namespace {

Json slot_json(const Slot& slot) {
  Json json;
  json["name"] = slot.row.name;
  json["state"] = name_of(slot.state);
  json["profile"] = slot.row.profile;
  json["gpu"] = or_null(slot.gpu);
  json["gpuUuid"] = slot.row.gpu_uuid;
  json["pciBusId"] = slot.row.pci_bus_id;
  json["standIn"] = slot.stand_in;
  json["placement"] = Json{{"start", slot.row.start}, {"size", slot.row.size}};
  json["computeStart"] = or_null(slot.row.ci_start);
  json["gpuInstance"] = or_null(slot.gpu_instance);
  json["computeInstance"] = or_null(slot.compute_instance);
  json["uuid"] = text_or_null(slot.uuid);
  json["previousUuid"] = text_or_null(slot.row.previous_uuid);
  json["changedMs"] = or_null(slot.row.changed_ms);
  json["note"] = text_or_null(slot.note);
  return json;
}

}  // namespace

std::string slot_list_document(const std::vector<Slot>& slots, const Source& source) {
  Json document = begin_document("SlotList", source);
  document["slots"] = Json::array();
  for (const Slot& slot : slots) {
    document["slots"].push_back(slot_json(slot));
  }
  return finish(document);
}

std::string slot_document(const Slot& slot, const Source& source) {
  Json document = begin_document("Slot", source);
  document.update(slot_json(slot));
  return finish(document);
}

}  // namespace mig::wire
