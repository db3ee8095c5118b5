// SPDX-License-Identifier: Apache-2.0
#include "wire/layout_request.h"

#include "base/strings.h"
#include "wire/document.h"
#include "wire/reader.h"

namespace mig::wire {
namespace {

constexpr std::size_t kMostLayoutRequest = 64U << 10U;
constexpr std::size_t kMostReason = 500;
constexpr std::size_t kMostApplyAnswer = 4U << 20U;

std::string line_at(const Reader& reader, std::string_view key, std::size_t most) {
  if (!reader.given(key)) {
    return {};
  }
  std::string text = reader.at(key).text();
  if (base::printable(text) != text) {
    reader.at(key).complain("control characters do not belong there");
  }
  if (text.size() > most) {
    reader.at(key).complain("is too long");
  }
  return text;
}

ShownPlan read_shown(const Reader& reader) {
  ShownPlan shown;
  shown.generation = reader.at("generation").text();
  for (const Reader& step : reader.at("steps").elements()) {
    shown.steps.push_back(step.text());
  }
  return shown;
}

}  // namespace

Result<LayoutRequest> parse_layout_request(std::string_view text, bool with_plan) {
  MIG_ASSIGN_OR_RETURN(const Json json,
                       base::parse_json(text, {kMostLayoutRequest, "a layout request"}));
  Problem problem;
  const Reader reader(json, "", problem);
  LayoutRequest request;
  if (with_plan) {
    reader.only({"layout", "config", "reason", "generation", "steps"});
    request.shown = read_shown(reader);
    request.reason = line_at(reader, "reason", kMostReason);
  } else {
    reader.only({"layout", "config"});
  }
  request.layout = reader.at("layout").text();
  if (reader.given("config")) {
    request.config = reader.at("config").text();
  }
  if (problem.any()) {
    return fail(ErrorCode::kInvalidInput,
                "the layout request: " + problem.text(),
                "docs/reference/api.md shows one");
  }
  return request;
}

std::string layout_request_document(const LayoutRequest& request) {
  Json json = {{"layout", request.layout}};
  if (request.config) {
    json["config"] = *request.config;
  }
  if (request.shown) {
    json["generation"] = request.shown->generation;
    json["steps"] = request.shown->steps;
  }
  if (!request.reason.empty()) {
    json["reason"] = request.reason;
  }
  // A text that is not UTF-8 is the daemon's to refuse.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<ApplyAnswer> parse_apply_answer(std::string_view text) {
  MIG_ASSIGN_OR_RETURN(const Json json, base::parse_json(text, {kMostApplyAnswer, "the answer"}));
  Problem problem;
  const Reader reader(json, "", problem);
  if (text_at(reader, "kind") == "Error") {
    return error_of(reader);
  }
  ApplyAnswer answer;
  answer.outcome = reader.at("outcome").text();
  if (reader.given("failure")) {
    const Reader failure = reader.at("failure");
    answer.failure = error_of(failure);
  }
  if (problem.any()) {
    return fail(ErrorCode::kInvalidInput, "the daemon's answer: " + problem.text());
  }
  return answer;
}

ShownPlan shown_plan(const Plan& plan) {
  ShownPlan shown;
  shown.generation = generation_text(plan.generation);
  for (const Step& step : plan.steps) {
    shown.steps.push_back(step.str());
  }
  return shown;
}

std::string caller_document(const Caller& caller, const Source& source) {
  Json document = begin_document("Caller", source);
  document["uid"] = caller.uid;
  document["user"] = text_or_null(caller.user);
  document["tenant"] = caller.tenant;
  document["role"] = caller.role;
  document["byToken"] = caller.by_token;
  return finish(document);
}

}  // namespace mig::wire
