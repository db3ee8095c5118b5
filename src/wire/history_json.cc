// SPDX-License-Identifier: Apache-2.0
#include "wire/document.h"

namespace mig::wire {

namespace {

Json recorded(const std::string& text) {
  Json json = Json::parse(text, nullptr, false);
  return json.is_discarded() ? Json(nullptr) : json;
}

void add_details(const HistoryEntry& change, Json& json) {
  json["plan"] = Json::array();
  for (const HistoryEntry::Outcome& one : *change.plan) {
    Json step = step_json(one.step);
    step.erase("estimatedMs");  // the journal does not keep it
    step["outcome"] = one.outcome;
    step["message"] = text_or_null(one.message);
    json["plan"].push_back(std::move(step));
  }
  json["before"] = recorded(change.before);
  json["after"] = recorded(change.after);
}

}  // namespace

std::string history_document(const std::vector<HistoryEntry>& changes, const Source& source) {
  Json document = begin_document("History", source);
  document["changes"] = Json::array();
  for (const HistoryEntry& change : changes) {
    Json json = {{"id", change.id},
                 {"state", change.state},
                 {"startedMs", change.started_ms},
                 {"finishedMs", or_null(change.finished_ms)},
                 {"user", change.user},
                 {"pid", change.pid},
                 {"command", change.command},
                 {"reason", text_or_null(change.reason)},
                 {"message", text_or_null(change.message)},
                 {"steps", change.steps}};
    if (change.plan) {
      add_details(change, json);
    }
    document["changes"].push_back(std::move(json));
  }
  return finish(document);
}

std::string holders_document(const std::vector<HolderEntry>& holders,
                             std::uint32_t unreadable_processes,
                             const std::vector<LostGpu>& lost,
                             const Source& source) {
  Json document = begin_document("HolderList", source);
  document["unreadableProcesses"] = unreadable_processes;
  document["holders"] = Json::array();
  for (const HolderEntry& holder : holders) {
    document["holders"].push_back({{"gpu", holder.gpu.value},
                                   {"gpuInstance", or_null(holder.gpu_instance)},
                                   {"computeInstance", or_null(holder.compute_instance)},
                                   {"kind", holder.kind},
                                   {"pid", holder.pid},
                                   {"name", holder.name},
                                   {"uid", or_null(holder.uid)},
                                   {"unit", text_or_null(holder.unit)},
                                   {"container", text_or_null(holder.container)},
                                   {"containerRuntime", text_or_null(holder.container_runtime)},
                                   {"pod", text_or_null(holder.pod)},
                                   {"slurmJob", text_or_null(holder.slurm_job)},
                                   {"stops", holder.stops},
                                   {"stopsFirstInstance", holder.stops_first_instance},
                                   {"evidence", holder.evidence}});
  }
  document["lost"] = lost_json(lost);
  return finish(document);
}

std::string recovery_document(const RecoveryReport& report, const Source& source) {
  Json document = begin_document("Recovery", source);
  document["outcome"] = report.outcome;
  document["change"] = report.change == 0 ? Json(nullptr) : Json(report.change);
  document["command"] = report.command;
  document["rebuilt"] = report.rebuilt;
  document["others"] = report.others;
  document["failure"] = report.failure ? error_json(*report.failure, "") : Json(nullptr);
  return finish(document);
}

}  // namespace mig::wire
