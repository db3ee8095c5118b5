// SPDX-License-Identifier: Apache-2.0
#include "wire/reading.h"

#include <climits>
#include <cstddef>

#include <fmt/format.h>

#include "wire/document.h"
#include "wire/reader.h"

namespace mig::wire {
namespace {

constexpr std::size_t kMostReadingBytes = 64U << 10U;
constexpr std::size_t kMostReadingAnswer = 16U << 20U;
constexpr const char* kAnswer = "the daemon's answer";

Error wrong(const std::string& what) {
  return Error{ErrorCode::kInvalidInput,
               "a reading: " + what,
               "docs/reference/warm.md has its members",
               {},
               {}};
}

}  // namespace

std::string reading_request_document(const ReadingRequest& request) {
  Json json;
  json["version"] = request.version;
  json["machine"] = request.machine;
  json["procRoot"] = request.proc_root;
  json["part"] = request.part == MachinePart::kAll ? "all" : "state";
  json["arguments"] = request.arguments;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<ReadingRequest> parse_reading_request(std::string_view text) {
  MIG_ASSIGN_OR_RETURN(const Json json, base::parse_json(text, {kMostReadingBytes, "a reading"}));
  Problem problem;
  const Reader reader(json, "", problem);
  ReadingRequest request;
  request.version = reader.at("version").text();
  request.machine = reader.at("machine").text();
  request.proc_root = reader.at("procRoot").text();
  const std::string part = reader.at("part").text();
  if (part != "all" && part != "state") {
    reader.at("part").complain("all or state is expected");
  }
  request.part = part == "all" ? MachinePart::kAll : MachinePart::kState;
  for (const Reader& word : reader.at("arguments").elements()) {
    request.arguments.push_back(word.text());
  }
  if (problem.any()) {
    return wrong(problem.text());
  }
  return request;
}

Result<std::string> smi_answer_document(const SmiAnswer& answer, const Source& source) {
  Json document = begin_document("SmiAnswer", source);
  document["exitCode"] = answer.exit_code;
  document["out"] = answer.out;
  document["err"] = answer.err;
  try {
    return document.dump();
  } catch (const Json::exception& error) {
    return fail(ErrorCode::kNotSupported, fmt::format("the text is not UTF-8: {}", error.what()));
  }
}

Result<SmiAnswer> parse_smi_answer(std::string_view text) {
  MIG_ASSIGN_OR_RETURN(const Json json, base::parse_json(text, {kMostReadingAnswer, kAnswer}));
  Problem problem;
  const Reader reader(json, "", problem);
  if (reader.at("kind").text() != "SmiAnswer") {
    reader.at("kind").complain("SmiAnswer is expected");
  }
  SmiAnswer answer;
  answer.exit_code = static_cast<int>(reader.at("exitCode").clamped(INT_MIN, INT_MAX));
  answer.out = reader.at("out").text();
  answer.err = reader.at("err").text();
  if (problem.any()) {
    return fail(ErrorCode::kInvalidInput, fmt::format("{}: {}", kAnswer, problem.text()));
  }
  return answer;
}

std::string rest_document(const Source& source) {
  return begin_document("Rest", source).dump();
}

Error parse_error(std::string_view text) {
  Error error;
  error.code = ErrorCode::kInvalidInput;
  error.message = "the daemon's answer is no document of ours";
  const auto json = base::parse_json(text, {kMostReadingAnswer, kAnswer});
  if (!json) {
    return error;
  }
  Problem problem;
  const Reader reader(*json, "", problem);
  const bool ours = reader.at("kind").text() == "Error";
  const std::string code = reader.at("code").text();
  const std::string message = reader.at("message").text();
  if (!ours || problem.any()) {
    return error;
  }
  for (const ErrorInfo& row : error_table()) {
    if (row.name == code) {
      error.code = row.code;
    }
  }
  error.message = message;
  error.hint = reader.given("hint") ? reader.at("hint").text() : "";
  return error;
}

}  // namespace mig::wire
