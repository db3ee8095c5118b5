// SPDX-License-Identifier: Apache-2.0
#include "wire/document.h"
#include "wire/lab.h"

namespace mig::wire {
namespace {

Json hints_json(const std::vector<lab::Hint>& hints) {
  Json json = Json::array();
  for (const lab::Hint& hint : hints) {
    json.push_back({{"mistake", hint.mistake},
                    {"found", hint.found},
                    {"missing", hint.missing},
                    {"shows", hint.shows},
                    {"why", hint.why},
                    {"next", hint.next}});
  }
  return json;
}

}  // namespace

std::string lab_check_document(const lab::Verdict& verdict, const Source& source) {
  Json document = begin_document("LabCheck", source);
  document["exercise"] = verdict.exercise;
  document["passed"] = verdict.passed;
  document["seen"] = verdict.seen;
  document["hints"] = hints_json(verdict.hints);
  return finish(document);
}

std::string lab_class_document(const std::vector<lab::ClassRow>& rows) {
  Json document = begin_document("LabClass", Source{true, ""});
  document["students"] = Json::array();
  for (const lab::ClassRow& row : rows) {
    document["students"].push_back({{"machine", row.machine},
                                    {"exercise", text_or_null(row.exercise)},
                                    {"passed", row.verdict.passed},
                                    {"seen", row.verdict.seen},
                                    {"hints", hints_json(row.verdict.hints)},
                                    {"error", text_or_null(row.error)}});
  }
  return finish(document);
}

std::string lab_exercises_document(const std::vector<lab::ExerciseRow>& rows) {
  Json document = begin_document("LabExercises", Source{});
  document["exercises"] = Json::array();
  for (const lab::ExerciseRow& row : rows) {
    document["exercises"].push_back(
        {{"number", row.number}, {"title", row.title}, {"judged", row.judged}});
  }
  return finish(document);
}

}  // namespace mig::wire
