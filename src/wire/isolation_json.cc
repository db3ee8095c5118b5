// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "wire/isolation.h"
#include "wire/isolation_parts.h"

namespace mig::wire {

using isolation::Estimate;

Json rounded(double value) {
  constexpr double kDigits = 1e5;
  return std::round(value * kDigits) / kDigits;
}

Json rounded(const std::optional<double>& value) {
  return value ? rounded(*value) : Json(nullptr);
}

Json estimate_json(const std::optional<Estimate>& estimate) {
  if (!estimate) {
    return nullptr;
  }
  Json json;
  json["value"] = rounded(estimate->value);
  json["low"] = rounded(estimate->low);
  json["high"] = rounded(estimate->high);
  return json;
}

Json place_json(const isolation::Place& place) {
  return {{"uuid", place.uuid},
          {"label", place.label},
          {"gpu", place.gpu.value},
          {"instance", place.instance},
          {"board", place.board}};
}

namespace {

Json isolation_sample_json(const isolation::Sample& sample, bool alone) {
  const auto reading = [&](double value) { return sample.lived ? rounded(value) : Json(nullptr); };
  Json json;
  json["lived"] = sample.lived;
  json["stepsPerSecond"] = reading(sample.steps_per_second);
  json["stepMsP50"] = reading(sample.step_ms_p50);
  json["stepMsP99"] = reading(sample.step_ms_p99);
  json["error"] = text_or_null(sample.error);
  if (!alone) {
    json["neighbourRuns"] = sample.neighbour_runs;
    json["neighbourWorked"] = sample.neighbour_worked;
    json["neighbourExits"] = sample.neighbour_exits;
    json["neighbourError"] = text_or_null(sample.neighbour_error);
  }
  json["mpsMember"] = or_null(sample.mps_member);
  return json;
}

}  // namespace

Json samples_json(const std::vector<isolation::Sample>& samples, bool alone) {
  Json json = Json::array();
  for (const isolation::Sample& sample : samples) {
    json.push_back(isolation_sample_json(sample, alone));
  }
  return json;
}

Json cell_json(const isolation::Cell& cell) {
  std::size_t lived = 0;
  for (const isolation::Sample& sample : cell.samples) {
    lived += sample.lived ? 1 : 0;
  }
  const isolation::Verdict& verdict = cell.verdict;
  Json json;
  json["neighbour"] = cell.neighbour;
  json["verdict"] = name_of(verdict.finding);
  json["why"] = text_or_null(verdict.why);
  json["rounds"] = cell.samples.size();
  json["lived"] = lived;
  json["shareOfAlone"] = estimate_json(verdict.share);
  json["stepP50Factor"] = estimate_json(verdict.p50_factor);
  json["stepP99Factor"] = estimate_json(verdict.p99_factor);
  json["longTail"] = verdict.long_tail;
  json["samples"] = samples_json(cell.samples, false);
  return json;
}

Json caps_json(const std::optional<isolation::MpsCaps>& caps) {
  if (!caps) {
    return nullptr;
  }
  Json json;
  json["smAsked"] = caps->sm_asked;
  json["smGot"] = or_null(caps->sm_got);
  json["smTotal"] = caps->sm_total;
  json["activeThreadPercentage"] = caps->percentage;
  json["memoryAskedMib"] = caps->memory_asked_mib;
  json["memoryFreeMib"] = or_null(caps->memory_free_mib);
  json["memoryTotalMib"] = caps->memory_total_mib;
  json["refusedBeyond"] = or_null(caps->refused_beyond);
  return json;
}

namespace {

Json mode_json(const isolation::ModeReport& mode) {
  Json json;
  json["sharing"] = name_of(mode.sharing);
  json["skipped"] = text_or_null(mode.skipped);
  const bool run = mode.skipped.empty();
  json["victim"] = run ? place_json(mode.victim) : Json(nullptr);
  json["neighbour"] = run ? place_json(mode.neighbour) : Json(nullptr);
  json["caps"] = caps_json(mode.caps);
  json["alone"] = samples_json(mode.alone, true);
  json["cells"] = Json::array();
  for (const isolation::Cell& cell : mode.cells) {
    json["cells"].push_back(cell_json(cell));
  }
  return json;
}

}  // namespace

std::string isolation_document(const isolation::Report& report, const Source& source) {
  Json document = begin_document("IsolationReport", source);
  document["driverVersion"] = text_or_null(report.driver_version);
  document["victim"] = report.victim;
  document["rounds"] = report.rounds;
  document["secondsEach"] = report.seconds;
  document["orderSeed"] = report.seed;
  document["stopped"] = report.stopped;
  document["interval"] = {{"method", "Student's t on logarithms of ratios paired by round"},
                          {"confidence", report.criteria.confidence}};
  document["criteria"] = {{"margin", report.criteria.margin},
                          {"tailFactor", report.criteria.tail_factor}};
  document["modes"] = Json::array();
  for (const isolation::ModeReport& mode : report.modes) {
    document["modes"].push_back(mode_json(mode));
  }
  const auto one_line = [](std::string note) {
    std::replace(note.begin(), note.end(), '\n', ' ');
    return note;
  };
  document["outOfMemory"] = one_line(isolation::out_of_memory_note());
  document["notCovered"] = one_line(isolation::not_covered_note());
  return finish(document);
}

}  // namespace mig::wire
