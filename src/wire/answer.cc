// SPDX-License-Identifier: Apache-2.0
#include "wire/answer.h"

namespace mig::wire {

std::string text_at(const Reader& reader, std::string_view key) {
  return reader.given(key) ? reader.at(key).text() : std::string();
}

Error error_of(const Reader& reader) {
  Error error;
  const std::string name = text_at(reader, "code");
  for (const ErrorInfo& row : error_table()) {
    if (row.name == name) {
      error.code = row.code;
    }
  }
  error.message = text_at(reader, "message");
  error.hint = text_at(reader, "hint");
  for (const Reader& context : reader.at("context").elements()) {
    error.context.push_back(context.text());
  }
  return error;
}

Error wrong_answer(const std::string& problem) {
  return Error{ErrorCode::kInvalidInput, "the daemon's answer: " + problem, {}, {}, {}};
}

Source source_of(const Reader& reader) {
  // An answer without the mark could be taken for hardware's.
  return {reader.at("simulated").boolean(), text_at(reader, "simulatedMachine")};
}

}  // namespace mig::wire
