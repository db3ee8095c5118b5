// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "wire/document.h"

namespace mig::wire {
namespace {

// Microseconds are all that a timing here is worth; more digits are noise in a diff.
double rounded_ms(double milliseconds) {
  return std::round(milliseconds * 1000.0) / 1000.0;
}

}  // namespace

Json error_json(const Error& error, std::string_view nvml_name) {
  const ErrorInfo& info = error_info(error.code);
  Json json;
  json["code"] = info.name;
  json["exitCode"] = info.exit_code;
  json["message"] = error.message;
  json["hint"] = text_or_null(error.hint);
  json["context"] = error.context;
  json["nvml"] = nullptr;
  if (error.nvml) {
    json["nvml"] =
        Json{{"code", *error.nvml}, {"name", nvml_name.empty() ? Json(nullptr) : Json(nvml_name)}};
  }
  return json;
}

std::string error_document(const Error& error,
                           std::string_view nvml_name,
                           const std::optional<Source>& source) {
  Json document = begin_document("Error", source.value_or(Source{}));
  if (!source) {
    document["simulated"] = nullptr;
  }
  document.update(error_json(error, nvml_name));
  return finish(document);
}

std::string apply_document(const ApplyReport& report, const Source& source) {
  Json document = begin_document("ApplyResult", source);
  document["outcome"] = report.outcome;
  document["steps"] = Json::array();
  for (const auto& outcome : report.steps) {
    Json step = step_json(outcome.step);
    step["done"] = outcome.done;
    step["undone"] = outcome.undone;
    step["milliseconds"] = rounded_ms(outcome.milliseconds);
    document["steps"].push_back(std::move(step));
  }
  document["failure"] =
      report.failure ? error_json(*report.failure, report.failure_nvml_name) : Json(nullptr);
  document["plan"] = plan_json(report.plan);
  return finish(document);
}

std::string assert_document(const AssertReport& report, const Source& source) {
  Json document = begin_document("AssertResult", source);
  document["label"] = report.label;
  document["modeOnly"] = report.mode_only;
  document["matches"] = report.differences.empty();
  document["differences"] = report.differences;
  return finish(document);
}

std::string version_document(const VersionReport& report, const Source& source) {
  Json document = begin_document("Version", source);
  document["version"] = report.version;
  document["driverVersion"] = text_or_null(report.driver_version);
  document["nvmlVersion"] = text_or_null(report.nvml_version);
  document["driverNote"] = text_or_null(report.driver_note);
  return finish(document);
}

}  // namespace mig::wire
