// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "wire/document.h"
#include "wire/jobs.h"

namespace mig::wire {
namespace {

Json said(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

template <class Rank>
Json place_json(const Rank& rank) {
  Json json;
  json["gpu"] = rank.gpu.value;
  json["gpuInstance"] = rank.gpu_instance.value;
  json["computeInstance"] = rank.compute_instance.value;
  json["profile"] = rank.profile;
  json["uuid"] = rank.uuid;
  return json;
}

Json entry_json(const JobEntry::Rank& rank) {
  Json json;
  json["rank"] = rank.rank;
  json["instance"] = place_json(rank);
  json["pid"] = rank.pid == 0 ? Json(nullptr) : Json(rank.pid);
  json["restarts"] = rank.restarts;
  json["exitCode"] = or_null(rank.exit_code);
  json["log"] = said(rank.log);
  json["note"] = said(rank.note);
  return json;
}

Json entry_json(const JobEntry& job) {
  Json json;
  json["id"] = job.id;
  json["name"] = said(job.name);
  json["state"] = job.state;
  json["command"] = job.command;
  json["folder"] = job.folder;
  json["createdMs"] = job.created_ms;
  json["startedMs"] = or_null(job.started_ms);
  json["finishedMs"] = or_null(job.finished_ms);
  json["exitCode"] = or_null(job.exit_code);
  json["note"] = said(job.note);
  json["detached"] = job.detached;
  json["confined"] = job.confined;
  json["supervisorPid"] = job.supervisor_pid;
  json["ranks"] = Json::array();
  for (const JobEntry::Rank& rank : job.ranks) {
    json["ranks"].push_back(entry_json(rank));
  }
  return json;
}

}  // namespace

std::string run_document(const RunReport& report, const Source& source) {
  Json document = begin_document("RunResult", source);
  if (!report.ranks.empty()) {
    document["instance"] = place_json(report.ranks.front());
  }
  document["exitCode"] = report.exit_code;
  document["timedOut"] = report.timed_out;
  document["job"] = report.job == 0 ? Json(nullptr) : Json(report.job);
  document["ranks"] = Json::array();
  for (const RunReport::Rank& rank : report.ranks) {
    Json json;
    json["instance"] = place_json(rank);
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

std::string job_list_document(const std::vector<JobEntry>& jobs, const Source& source) {
  Json document = begin_document("JobList", source);
  document["jobs"] = Json::array();
  for (const JobEntry& job : jobs) {
    document["jobs"].push_back(entry_json(job));
  }
  return finish(document);
}

}  // namespace mig::wire
