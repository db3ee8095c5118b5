// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "wire/document.h"
#include "wire/rightsize.h"

namespace mig::wire {
namespace {

using rightsize::Interval;

// Six digits: more would be noise in a diff.
Json rounded(double value) {
  if (!std::isfinite(value) || value == 0) {
    return 0;
  }
  const double scale = std::pow(10, 5 - std::floor(std::log10(std::abs(value))));
  return std::round(value * scale) / scale;
}

Json rounded(const std::optional<double>& value) {
  return value ? rounded(*value) : Json(nullptr);
}

Json interval_json(const Interval& interval) {
  return {{"value", rounded(interval.value)},
          {"low", rounded(interval.low)},
          {"high", rounded(interval.high)}};
}

Json rate_json(const std::optional<rightsize::Rate>& rate) {
  if (!rate) {
    return nullptr;
  }
  Json json;
  json["perSecond"] = rounded(rate->per_second);
  json["noise"] = rounded(rate->noise);
  json["readings"] = rate->readings;
  json["source"] = name_of(rate->source);
  return json;
}

Json run_json(const rightsize::Run& run) {
  Json json;
  json["how"] = name_of(run.how);
  json["place"] = run.place;
  json["profile"] = text_or_null(run.profile);
  json["smShare"] = rounded(run.share.sm);
  json["bandwidthShare"] = rounded(run.share.bandwidth);
  json["sm"] = or_null(run.sm);
  json["activeThreadPercentage"] = or_null(run.mps_percentage);
  json["mpsMember"] = or_null(run.mps_member);
  json["rate"] = rate_json(run.rate);
  json["peakMemoryMib"] = or_null(run.peak_memory_mib);
  json["memorySource"] = text_or_null(run.memory_source);
  json["busy"] = rounded(run.activity.busy);
  json["smActive"] = rounded(run.activity.sm);
  json["dramActive"] = rounded(run.activity.dram);
  json["tensorActive"] = rounded(run.activity.tensor);
  json["activityReason"] = text_or_null(run.activity.reason);
  json["seconds"] = rounded(run.seconds);
  json["exitCode"] = or_null(run.exit_code);
  json["outOfMemory"] = run.out_of_memory;
  json["error"] = text_or_null(run.error);
  return json;
}

Json prediction_json(const rightsize::Prediction& at) {
  Json json;
  json["profile"] = at.size.profile;
  json["sm"] = at.size.sm;
  json["memoryMib"] = at.size.memory_mib;
  json["smShare"] = rounded(at.size.share.sm);
  json["bandwidthShare"] = rounded(at.size.share.bandwidth);
  json["priceShare"] = rounded(at.size.price_share);
  json["basis"] = name_of(at.basis);
  json["seconds"] = interval_json(at.seconds);
  json["speed"] = interval_json(at.speed);
  json["fits"] = or_null(at.fits);
  json["byMps"] = at.by_mps;
  return json;
}

Json choice_json(const rightsize::Choice& choice) {
  Json json;
  json["target"] = choice.target.text;
  json["kind"] = name_of(choice.target.kind);
  json["verdict"] = name_of(choice.verdict);
  json["profile"] = text_or_null(choice.profile);
  json["measure"] = text_or_null(choice.measure);
  json["why"] = choice.why;
  return json;
}

Json check_json(const rightsize::Check& check) {
  Json json;
  json["profile"] = check.profile;
  json["predicted"] = interval_json(check.predicted);
  json["measured"] = rounded(check.measured);
  json["error"] = rounded(check.measured / check.predicted.value - 1);
  json["basis"] = name_of(check.basis);
  json["inside"] = check.inside;
  return json;
}

Json fit_json(const std::optional<rightsize::Fit>& fit) {
  if (!fit) {
    return nullptr;
  }
  Json json;
  json["fixedSeconds"] = rounded(fit->fixed_seconds);
  json["deviceSeconds"] = rounded(fit->device_seconds);
  json["exponent"] = rounded(fit->exponent);
  json["fixedShare"] = rounded(fit->fixed_share);
  return json;
}

template <class T, class Encode>
Json list_json(const std::vector<T>& values, Encode encode) {
  Json json = Json::array();
  for (const T& value : values) {
    json.push_back(encode(value));
  }
  return json;
}

Json profiles_json(const std::map<std::string, std::string>& by_model) {
  Json json = Json::array();
  for (const auto& [model, profile] : by_model) {
    json.push_back({{"model", model}, {"profile", text_or_null(profile)}});
  }
  return json;
}

Json row_json(const rightsize::ModelRow& row) {
  Json json;
  json["model"] = row.model;
  json["profile"] = row.profile;
  json["how"] = name_of(row.how);
  json["samplesPerSecond"] = rounded(row.samples_per_second);
  json["speed"] = rounded(row.speed);
  json["peakMemoryMib"] = or_null(row.peak_memory_mib);
  json["outOfMemory"] = row.out_of_memory;
  json["fits"] = or_null(row.fits);
  json["error"] = text_or_null(row.error);
  return json;
}

Json use_json(const rightsize::PastUse& use) {
  Json json;
  json["tenant"] = use.tenant;
  json["job"] = text_or_null(use.job);
  json["profile"] = use.profile;
  json["board"] = text_or_null(use.board);
  json["fromMs"] = use.from_ms;
  json["untilMs"] = use.until_ms;
  json["minutes"] = use.minutes;
  json["smMean"] = rounded(use.sm_mean);
  json["smMost"] = rounded(use.sm_most);
  json["dramMean"] = rounded(use.dram_mean);
  json["peakMemoryMib"] = or_null(use.peak_memory_mib);
  json["smallest"] = text_or_null(use.smallest);
  json["verdict"] = use.verdict;
  json["why"] = use.why;
  return json;
}

}  // namespace

std::string rightsize_document(const rightsize::Report& report, const Source& source) {
  Json document = begin_document("RightsizeReport", source);
  document["command"] = text_or_null(report.command);
  document["board"] = report.board;
  document["driverVersion"] = text_or_null(report.driver_version);
  document["runs"] = list_json(report.runs, run_json);
  document["peakMemoryMib"] = or_null(report.peak_memory_mib);
  document["memoryMargin"] = rounded(report.memory_margin);
  document["hostShare"] = rounded(report.host_share);
  document["hostWords"] = text_or_null(report.host_words);
  document["fit"] = fit_json(report.fit);
  document["shape"] = {{"smWeight", rounded(report.shape.sm_weight)},
                       {"overlap", rounded(report.shape.overlap)},
                       {"width", rounded(report.shape.width)},
                       {"noise", rounded(report.shape.noise)},
                       {"beyond", rounded(report.shape.beyond)},
                       {"recalibrated", report.recalibrated}};
  document["predictions"] = list_json(report.predictions, prediction_json);
  document["choices"] = list_json(report.choices, choice_json);
  document["checks"] = list_json(report.checks, check_json);
  document["notes"] = report.notes;
  document["stopped"] = report.stopped;
  return finish(document);
}

std::string rightsize_models_document(const rightsize::ModelsReport& report, const Source& source) {
  Json document = begin_document("RightsizeModels", source);
  document["board"] = report.board;
  document["driverVersion"] = text_or_null(report.driver_version);
  document["batch"] = report.batch;
  document["precision"] = report.precision;
  document["rows"] = list_json(report.rows, row_json);
  document["minimum"] = profiles_json(report.minimum);
  document["enough"] = profiles_json(report.enough);
  document["notes"] = report.notes;
  document["stopped"] = report.stopped;
  return finish(document);
}

std::string rightsize_history_document(const rightsize::HistoryReport& report,
                                       const Source& source) {
  Json document = begin_document("RightsizeHistory", source);
  document["fromMs"] = report.from_ms;
  document["untilMs"] = report.until_ms;
  document["memoryMargin"] = rounded(report.memory_margin);
  document["uses"] = list_json(report.uses, use_json);
  document["notes"] = report.notes;
  return finish(document);
}

}  // namespace mig::wire
