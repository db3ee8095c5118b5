// SPDX-License-Identifier: Apache-2.0
#include "wire/document.h"

namespace mig::wire {

std::string history_document(const std::vector<HistoryEntry>& changes, const Source& source) {
  Json document = begin_document("History", source);
  document["changes"] = Json::array();
  for (const HistoryEntry& change : changes)
    document["changes"].push_back({{"id", change.id},
                                   {"state", change.state},
                                   {"startedMs", change.started_ms},
                                   {"finishedMs", or_null(change.finished_ms)},
                                   {"user", change.user},
                                   {"pid", change.pid},
                                   {"command", change.command},
                                   {"reason", change.reason},
                                   {"message", change.message}});
  return finish(document);
}

std::string holders_document(const std::vector<HolderEntry>& holders,
                             std::uint32_t unreadable_processes,
                             const Source& source) {
  Json document = begin_document("HolderList", source);
  document["unreadableProcesses"] = unreadable_processes;
  document["holders"] = Json::array();
  for (const HolderEntry& holder : holders)
    document["holders"].push_back({{"gpu", holder.gpu.value},
                                   {"gpuInstance", or_null(holder.gpu_instance)},
                                   {"computeInstance", or_null(holder.compute_instance)},
                                   {"kind", holder.kind},
                                   {"pid", holder.pid},
                                   {"name", holder.name},
                                   {"uid", or_null(holder.uid)},
                                   {"unit", holder.unit},
                                   {"container", holder.container},
                                   {"pod", holder.pod},
                                   {"slurmJob", holder.slurm_job},
                                   {"stops", holder.stops},
                                   {"evidence", holder.evidence}});
  return finish(document);
}

std::string recovery_document(const RecoveryReport& report, const Source& source) {
  Json document = begin_document("Recovery", source);
  document["outcome"] = report.outcome;
  document["change"] = report.change == 0 ? Json(nullptr) : Json(report.change);
  document["command"] = report.command;
  document["rebuilt"] = report.rebuilt;
  document["failure"] = report.failure ? error_json(*report.failure, "") : Json(nullptr);
  return finish(document);
}

}  // namespace mig::wire
