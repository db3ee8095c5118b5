// SPDX-License-Identifier: Apache-2.0
#include "wire/checkup.h"
#include "wire/document.h"

namespace mig::wire {

namespace {

Json result_json(const CheckResult& result) {
  Json json;
  json["id"] = result.id;
  json["title"] = result.title;
  json["verdict"] = name_of(result.verdict);
  json["found"] = result.found;
  json["evidence"] = result.evidence;
  json["cause"] = text_or_null(result.cause);
  json["mend"] = result.mend;
  json["milliseconds"] = result.took.count();
  return json;
}

}  // namespace

std::string checkup_document(const Checkup& checkup, const Source& source) {
  Json document = begin_document("Checkup", source);
  document["privileged"] = checkup.privileged;
  const CheckupCounts counts = checkup.counts();
  document["counts"] = Json{{"ok", counts.ok},
                            {"note", counts.note},
                            {"warning", counts.warning},
                            {"problem", counts.problem},
                            {"notHere", counts.not_here}};
  document["checks"] = Json::array();
  for (const CheckResult& result : checkup.results) {
    document["checks"].push_back(result_json(result));
  }
  return finish(document);
}

std::string check_list_document(const std::vector<CheckName>& checks) {
  Json document = begin_document("CheckList", Source{});
  document["checks"] = Json::array();
  for (const CheckName& check : checks) {
    document["checks"].push_back(
        Json{{"id", check.id}, {"title", check.title}, {"needsDriver", check.needs_driver}});
  }
  return finish(document);
}

}  // namespace mig::wire
