// SPDX-License-Identifier: Apache-2.0
#include "wire/isolation_parts.h"
#include "wire/sharing.h"

namespace mig::wire {
namespace {

Json job_run_json(const sharing::JobRun& job) {
  Json json;
  json["lived"] = job.lived;
  json["perSecond"] = job.lived ? rounded(job.per_second) : Json(nullptr);
  json["stepMsP50"] = rounded(job.step_ms_p50);
  json["stepMsP99"] = rounded(job.step_ms_p99);
  json["memoryBytes"] = or_null(job.memory_bytes);
  json["error"] = text_or_null(job.error);
  json["mpsMember"] = or_null(job.mps_member);
  return json;
}

Json round_json(const sharing::Round& round) {
  Json json;
  json["seconds"] = rounded(round.seconds);
  json["energyJoules"] = rounded(round.energy_joules);
  json["jobs"] = Json::array();
  for (const sharing::JobRun& job : round.jobs) {
    json["jobs"].push_back(job_run_json(job));
  }
  return json;
}

Json figures_json(const sharing::Figures& figures) {
  Json json;
  json["throughput"] = estimate_json(figures.throughput);
  json["gain"] = estimate_json(figures.gain);
  json["perJob"] = Json::array();
  for (const auto& job : figures.per_job) {
    json["perJob"].push_back(estimate_json(job));
  }
  json["stepMsP50"] = estimate_json(figures.step_ms_p50);
  json["stepMsP99"] = estimate_json(figures.step_ms_p99);
  json["jain"] = estimate_json(figures.jain);
  json["leastShare"] = estimate_json(figures.least_share);
  json["joulesPerUnit"] = estimate_json(figures.joules_per_unit);
  json["died"] = figures.died;
  return json;
}

Json way_json(const sharing::WayReport& way) {
  const bool run = way.skipped.empty();
  Json json;
  json["way"] = name_of(way.way);
  json["skipped"] = text_or_null(way.skipped);
  json["note"] = text_or_null(way.note);
  json["places"] = Json::array();
  for (const isolation::Place& place : way.places) {
    if (run) {
      json["places"].push_back(place_json(place));
    }
  }
  json["caps"] = caps_json(way.caps);
  json["figures"] = run ? figures_json(way.figures) : Json(nullptr);
  json["rounds"] = Json::array();
  for (const sharing::Round& round : way.rounds) {
    json["rounds"].push_back(round_json(round));
  }
  json["alone"] = samples_json(way.alone, true);
  json["neighbours"] = Json::array();
  for (const isolation::Cell& cell : way.neighbours) {
    json["neighbours"].push_back(cell_json(cell));
  }
  return json;
}

Json advice_json(const sharing::Advice& advice) {
  Json json;
  json["choice"] = name_of(advice.choice);
  json["text"] = advice.text;
  json["rules"] = Json::array();
  for (const sharing::Rule& rule : advice.rules) {
    json["rules"].push_back({{"name", rule.name},
                             {"says", rule.says},
                             {"fired", rule.fired},
                             {"because", rule.because}});
  }
  json["warnings"] = advice.warnings;
  return json;
}

}  // namespace

std::string sharing_document(const sharing::Report& report, const Source& source) {
  Json document = begin_document("SharingComparison", source);
  document["driverVersion"] = text_or_null(report.driver_version);
  document["job"] = report.job;
  document["unit"] = report.unit;
  document["jobs"] = report.jobs;
  document["rounds"] = report.rounds;
  document["secondsEach"] = report.seconds;
  document["orderSeed"] = report.seed;
  document["stopped"] = report.stopped;
  document["interval"] = {{"method", "Student's t on logarithms, over the rounds"},
                          {"confidence", report.confidence}};
  const sharing::Wishes& wishes = report.wishes;
  document["wishes"] = {{"untrusted", wishes.untrusted},
                        {"guarantee", wishes.guarantee},
                        {"changing", wishes.changing},
                        {"bursty", wishes.bursty},
                        {"linked", wishes.linked},
                        {"sameModel", wishes.same_model}};
  document["ways"] = Json::array();
  for (const sharing::WayReport& way : report.ways) {
    document["ways"].push_back(way_json(way));
  }
  document["advice"] = advice_json(report.advice);
  return finish(document);
}

}  // namespace mig::wire
