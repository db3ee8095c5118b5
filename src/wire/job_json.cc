// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "wire/document.h"
#include "wire/jobs.h"

namespace mig::wire {
namespace {

Json instance_json(const Instance& instance) {
  Json json;
  json["gpu"] = instance.gpu.value;
  json["gpuInstance"] = instance.gpu_instance.value;
  json["computeInstance"] = instance.compute_instance.value;
  json["profile"] = instance.profile.str();
  json["uuid"] = instance.uuid;
  return json;
}

Json rank_json(const JobRank& rank) {
  Json json;
  json["rank"] = rank.rank;
  json["instance"] = instance_json(rank.instance);
  json["pid"] = rank.pid == 0 ? Json(nullptr) : Json(rank.pid);
  json["restarts"] = rank.restarts;
  json["exitCode"] = or_null(rank.exit_code);
  json["log"] = text_or_null(rank.log);
  json["note"] = text_or_null(rank.note);
  return json;
}

Json job_json(const Job& job) {
  const JobRecord& row = job.row;
  Json json;
  json["id"] = row.id;
  json["name"] = text_or_null(row.name);
  json["state"] = name_of(job.state);
  json["command"] = row.command;
  json["folder"] = row.folder;
  json["createdMs"] = row.created_ms;
  json["startedMs"] = or_null(row.started_ms);
  json["finishedMs"] = or_null(row.finished_ms);
  json["exitCode"] = or_null(row.exit_code);
  json["note"] = text_or_null(row.note);
  json["detached"] = row.detached;
  json["confined"] = row.confined;
  json["supervisorPid"] = row.supervisor_pid;
  json["ranks"] = Json::array();
  for (const JobRank& rank : row.ranks) {
    json["ranks"].push_back(rank_json(rank));
  }
  return json;
}

}  // namespace

std::string run_document(const JobOutcome& outcome, const Source& source) {
  Json document = begin_document("RunResult", source);
  if (!outcome.ranks.empty()) {
    document["instance"] = instance_json(outcome.ranks.front().instance);
  }
  document["exitCode"] = outcome.exit_code;
  document["timedOut"] = outcome.timed_out;
  document["job"] = outcome.job == 0 ? Json(nullptr) : Json(outcome.job);
  document["ranks"] = Json::array();
  for (const JobOutcome::Rank& rank : outcome.ranks) {
    Json json;
    json["instance"] = instance_json(rank.instance);
    json["exitCode"] = rank.exit_code;
    json["restarts"] = rank.restarts;
    document["ranks"].push_back(std::move(json));
  }
  return finish(document);
}

std::string job_started_document(std::int64_t job, const Source& source) {
  Json document = begin_document("JobStarted", source);
  document["job"] = job;
  return finish(document);
}

std::string job_list_document(const std::vector<Job>& jobs, const Source& source) {
  Json document = begin_document("JobList", source);
  document["jobs"] = Json::array();
  for (const Job& job : jobs) {
    document["jobs"].push_back(job_json(job));
  }
  return finish(document);
}

}  // namespace mig::wire
