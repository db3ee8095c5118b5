// SPDX-License-Identifier: Apache-2.0
#include "wire/cdi.h"
#include "wire/document.h"

namespace mig::wire {

std::string cdi_list_document(const CdiDeviceList& list, const Source& source) {
  Json document = begin_document("CdiDeviceList", source);
  document["path"] = text_or_null(list.path);
  document["cdiKind"] = list.kind;
  document["devices"] = Json::array();
  for (const CdiDeviceEntry& device : list.devices) {
    Json json;
    json["gpu"] = or_null(device.gpu);
    json["profile"] = text_or_null(device.profile);
    json["uuid"] = text_or_null(device.uuid);
    json["names"] = device.names;
    json["nodes"] = device.nodes;
    json["inFile"] = device.in_file;
    document["devices"].push_back(std::move(json));
  }
  document["leftOut"] = list.left_out;
  return finish(document);
}

}  // namespace mig::wire
