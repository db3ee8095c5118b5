// SPDX-License-Identifier: Apache-2.0
#include "wire/reading.h"

#include <cstddef>

#include <fmt/format.h>

#include "wire/document.h"

namespace mig::wire {
namespace {

constexpr std::size_t kMostReadingBytes = 64U << 10U;
constexpr std::size_t kMostReadingAnswer = 16U << 20U;

Result<Json> object_of(std::string_view text, std::size_t most, const char* what) {
  if (text.size() > most) {
    return fail(ErrorCode::kTooLarge,
                fmt::format("{} of {} bytes; the limit is {}", what, text.size(), most));
  }
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded() || !json.is_object()) {
    return fail(ErrorCode::kInvalidInput, fmt::format("{}: no JSON object", what));
  }
  return json;
}

std::optional<std::string> text_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? std::optional(found->get<std::string>())
                                                   : std::nullopt;
}

Error wrong(const char* member) {
  return Error{ErrorCode::kInvalidInput,
               fmt::format("a reading: {}: missing or of the wrong type", member),
               "docs/reference/warm.md has them",
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
  MIG_ASSIGN_OR_RETURN(const Json json, object_of(text, kMostReadingBytes, "a reading"));
  ReadingRequest request;
  for (const auto& [key, target] : {std::pair("version", &request.version),
                                    {"machine", &request.machine},
                                    {"procRoot", &request.proc_root}}) {
    auto found = text_at(json, key);
    if (!found) {
      return wrong(key);
    }
    *target = *std::move(found);
  }
  const auto part = text_at(json, "part");
  if (part != "all" && part != "state") {
    return wrong("part");
  }
  request.part = part == "all" ? MachinePart::kAll : MachinePart::kState;
  const auto arguments = json.find("arguments");
  if (arguments == json.end() || !arguments->is_array()) {
    return wrong("arguments");
  }
  for (const Json& word : *arguments) {
    if (!word.is_string()) {
      return wrong("arguments");
    }
    request.arguments.push_back(word.get<std::string>());
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
  MIG_ASSIGN_OR_RETURN(const Json json, object_of(text, kMostReadingAnswer, "the daemon's answer"));
  auto out = text_at(json, "out");
  auto err = text_at(json, "err");
  const auto code = json.find("exitCode");
  if (text_at(json, "kind") != "SmiAnswer" || !out || !err || code == json.end() ||
      !code->is_number_integer()) {
    return fail(ErrorCode::kInvalidInput, "this is no SmiAnswer document");
  }
  return SmiAnswer{code->get<int>(), *std::move(out), *std::move(err)};
}

std::string rest_document(const Source& source) {
  return begin_document("Rest", source).dump();
}

Error parse_error(std::string_view text) {
  Error error;
  error.code = ErrorCode::kInvalidInput;
  error.message = "the daemon's answer is no document of ours";
  const auto json = object_of(text, kMostReadingAnswer, "the daemon's answer");
  if (!json || text_at(*json, "kind") != "Error") {
    return error;
  }
  const auto code = text_at(*json, "code");
  for (const ErrorInfo& row : error_table()) {
    if (row.name == code) {
      error.code = row.code;
    }
  }
  error.message = text_at(*json, "message").value_or("");
  error.hint = text_at(*json, "hint").value_or("");
  return error;
}

}  // namespace mig::wire
