// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "wire/compose.h"
#include "wire/document.h"

namespace mig::wire {

namespace {

Json finding_json(const ComposeFinding& finding) {
  Json json;
  json["file"] = finding.where.file;
  json["line"] = finding.where.line;
  json["column"] = finding.where.column;
  json["service"] = text_or_null(finding.service);
  json["rule"] = finding.rule;
  json["verdict"] = name_of(finding.verdict);
  json["reference"] = text_or_null(finding.reference);
  json["found"] = finding.found;
  json["mend"] = finding.mend;
  json["uuid"] = text_or_null(finding.uuid);
  return json;
}

}  // namespace

std::string compose_check_document(const ComposeReport& report, const Source& source) {
  Json document = begin_document("ComposeCheck", source);
  document["files"] = report.files;
  document["services"] = report.services;
  Json counts;
  for (const Verdict verdict :
       {Verdict::kOk, Verdict::kNote, Verdict::kWarning, Verdict::kProblem}) {
    counts[std::string(name_of(verdict))] =
        std::count_if(report.findings.begin(), report.findings.end(), [&](const auto& one) {
          return one.verdict == verdict;
        });
  }
  document["counts"] = std::move(counts);
  document["findings"] = Json::array();
  for (const ComposeFinding& finding : report.findings) {
    document["findings"].push_back(finding_json(finding));
  }
  return finish(document);
}

std::string compose_render_document(const ComposeRendered& rendered,
                                    const std::string& path,
                                    const Source& source) {
  Json document = begin_document("ComposeRender", source);
  document["path"] = text_or_null(path);
  document["text"] = rendered.text;
  document["services"] = Json::array();
  for (const ComposeBinding& one : rendered.bindings) {
    Json json;
    json["service"] = one.service;
    json["wish"] = one.wish;
    json["name"] = one.name;
    json["profile"] = text_or_null(one.profile);
    json["gpu"] = or_null(one.gpu);
    json["uuid"] = text_or_null(one.uuid);
    document["services"].push_back(std::move(json));
  }
  document["notes"] = rendered.notes;
  return finish(document);
}

}  // namespace mig::wire
