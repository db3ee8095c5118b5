// SPDX-License-Identifier: Apache-2.0
#include "wire/document.h"

namespace mig::wire {

namespace {

Json recorded(const std::string& text) {
  Json json = Json::parse(text, nullptr, false);
  return json.is_discarded() ? Json(nullptr) : json;
}

Json made_for_json(const std::optional<MadeFor>& made) {
  if (!made) {
    return nullptr;
  }
  return {{"uid", made->uid},
          {"tenant", made->tenant},
          {"request", made->request == 0 ? Json(nullptr) : Json(made->request)},
          {"lease", made->lease == 0 ? Json(nullptr) : Json(made->lease)},
          {"key", text_or_null(made->key)}};
}

Json change_json(const ChangeRecord& change) {
  return {{"id", change.id},
          {"state", name_of(change.state)},
          {"startedMs", change.started_ms},
          {"finishedMs", or_null(change.finished_ms)},
          {"user", change.user},
          {"pid", change.pid},
          {"command", change.command},
          {"reason", text_or_null(change.reason)},
          {"cause", text_or_null(change.cause)},
          {"madeFor", made_for_json(change.made_for)},
          {"message", text_or_null(change.message)},
          {"steps", change.steps}};
}

Json details_json(const ChangeDetails& details) {
  Json json = change_json(details.change);
  json["plan"] = Json::array();
  for (const RecordedStep& one : details.plan) {
    Json step = step_json(one.step);
    step.erase("estimatedMs");  // not stored in the journal
    step["outcome"] = one.outcome;
    step["message"] = text_or_null(one.message);
    json["plan"].push_back(std::move(step));
  }
  json["before"] = recorded(details.change.before);
  json["after"] = recorded(details.change.after);
  return json;
}

const char* outcome_of(const Recovery& recovery) {
  if (!recovery.was_open) {
    return "nothing_to_do";
  }
  const Outcome outcome = recovery.result.outcome;
  return name_of(outcome == Outcome::kUnchanged ? Outcome::kRolledBack : outcome);
}

}  // namespace

std::string history_document(const std::vector<ChangeRecord>& changes, const Source& source) {
  Json document = begin_document("History", source);
  document["changes"] = Json::array();
  for (const ChangeRecord& change : changes) {
    document["changes"].push_back(change_json(change));
  }
  return finish(document);
}

std::string history_document(const ChangeDetails& change, const Source& source) {
  Json document = begin_document("History", source);
  document["changes"] = Json::array({details_json(change)});
  return finish(document);
}

std::string holders_document(const HolderReport& report,
                             const std::vector<LostGpu>& lost,
                             const Source& source) {
  Json document = begin_document("HolderList", source);
  document["unreadableProcesses"] = report.unreadable_processes;
  document["holders"] = Json::array();
  for (const Holder& holder : report.holders) {
    document["holders"].push_back(
        {{"gpu", holder.gpu.value},
         {"gpuInstance", or_null(holder.gpu_instance)},
         {"computeInstance", or_null(holder.compute_instance)},
         {"kind", name_of(holder.kind)},
         {"pid", holder.pid},
         {"name", holder.name},
         {"uid", or_null(holder.uid)},
         {"unit", text_or_null(holder.owner.unit)},
         {"container", text_or_null(holder.owner.container)},
         {"containerRuntime", text_or_null(holder.owner.container_runtime)},
         {"containerName", text_or_null(holder.owner.container_name)},
         {"pod", text_or_null(holder.owner.pod)},
         {"slurmJob", text_or_null(holder.owner.slurm_job)},
         {"stops", name_of(holder.stops)},
         {"stopsFirstInstance", holder.stops_first_instance},
         {"evidence", holder.evidence}});
  }
  document["lost"] = lost_json(lost);
  return finish(document);
}

std::string recovery_document(const Recovery& recovery, const Source& source) {
  const bool stuck = recovery.was_open && recovery.result.outcome == Outcome::kStuck;
  Json document = begin_document("Recovery", source);
  document["outcome"] = outcome_of(recovery);
  document["change"] = recovery.change == 0 ? Json(nullptr) : Json(recovery.change);
  document["command"] = recovery.command;
  document["rebuilt"] = recovery.rebuilt;
  document["others"] = recovery.result.others;
  document["failure"] =
      stuck && recovery.result.failure ? error_json(*recovery.result.failure, "") : Json(nullptr);
  return finish(document);
}

}  // namespace mig::wire
