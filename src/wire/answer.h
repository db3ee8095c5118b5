// SPDX-License-Identifier: Apache-2.0
// Inside of wire/: how every decoder of a daemon's answer begins and ends.
//
//   return read_answer<FreeAnswer>(text, kMostAnswerBytes, [](const Reader& reader, FreeAnswer& to)
//   {
//     to.report.leases = reader.at("leases").number();
//   });
#ifndef MIGCTL_WIRE_ANSWER_H_
#define MIGCTL_WIRE_ANSWER_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "mig/result.h"

#include "wire/reader.h"
#include "wire/wire.h"

namespace mig::wire {

// What is wrong with the members of a daemon's answer.
Error wrong_answer(const std::string& problem);

// The marks of simulation.
Source source_of(const Reader& reader);

// An answer of at most `most_bytes`: `read(reader, answer)` takes its members, `answer.source` is
// set. An Error document is that error; kTooLarge, kInvalidInput: no answer of ours.
template <class Answer, class Read>
Result<Answer> read_answer(std::string_view text, std::size_t most_bytes, Read read) {
  MIG_ASSIGN_OR_RETURN(const base::Json json,
                       base::parse_json(text, {most_bytes, "the daemon's answer"}));
  Problem problem;
  const Reader reader(json, "", problem);
  if (text_at(reader, "kind") == "Error") {
    return error_of(reader);
  }
  Answer answer;
  answer.source = source_of(reader);
  read(reader, answer);
  if (problem.any()) {
    return wrong_answer(problem.text());
  }
  return answer;
}

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_ANSWER_H_
