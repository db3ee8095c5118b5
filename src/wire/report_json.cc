// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "wire/document.h"

namespace mig::wire {
namespace {

// Rounded to microseconds; more digits would be noise in a diff.
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

std::string apply_document(const Plan& plan,
                           const ApplyResult& result,
                           std::string_view nvml_name,
                           const Source& source) {
  Json document = begin_document("ApplyResult", source);
  document["outcome"] = name_of(result.outcome);
  document["steps"] = Json::array();
  for (const StepReport& report : result.steps) {
    Json step = step_json(report.step);
    step["done"] = report.done;
    step["undone"] = report.undone;
    step["milliseconds"] = rounded_ms(report.milliseconds);
    document["steps"].push_back(std::move(step));
  }
  document["failure"] = result.failure ? error_json(*result.failure, nvml_name) : Json(nullptr);
  document["plan"] = plan_json(plan);
  return finish(document);
}

std::string assert_document(const LayoutCheck& check, const Source& source) {
  Json document = begin_document("AssertResult", source);
  document["label"] = check.label;
  document["modeOnly"] = check.mode_only;
  document["matches"] = check.differences.empty();
  document["differences"] = check.differences;
  return finish(document);
}

std::string version_document(const Versions& versions, const Source& source) {
  Json document = begin_document("Version", source);
  document["version"] = versions.version;
  document["driverVersion"] = text_or_null(versions.driver_version);
  document["nvmlVersion"] = text_or_null(versions.nvml_version);
  document["driverNote"] = text_or_null(versions.driver_note);
  return finish(document);
}

}  // namespace mig::wire
