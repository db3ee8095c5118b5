// SPDX-License-Identifier: Apache-2.0
// What a command asks the daemon for instead of reading the driver itself, and with it what the
// command takes for granted: an answer is good only where it would be the command's own.
//
// Threading: pure functions.
#ifndef MIGCTL_WIRE_READING_H_
#define MIGCTL_WIRE_READING_H_

#include <string>
#include <string_view>
#include <vector>

#include "mig/result.h"

#include "wire/machine.h"
#include "wire/wire.h"

namespace mig::wire {

// Body of POST /v1/machine, /v1/smi and /v1/rest.
struct ReadingRequest {
  std::string version;    // of the program that asks: documents are for the same one only
  std::string machine;    // folder of the simulated machine that is meant; "" = the real one
  std::string proc_root;  // where the asker reads processes
  MachinePart part = MachinePart::kState;   // /v1/machine
  std::vector<std::string> arguments = {};  // /v1/smi: words after `smi`
};

std::string reading_request_document(const ReadingRequest& request);
Result<ReadingRequest> parse_reading_request(std::string_view text);

// What nvidia-smi's dialect said to a reading command line.
struct SmiAnswer {
  int exit_code = 0;
  std::string out, err;
};

// kNotSupported: the text is not UTF-8, which JSON could not carry.
Result<std::string> smi_answer_document(const SmiAnswer& answer, const Source& source);
Result<SmiAnswer> parse_smi_answer(std::string_view text);

// The answer of POST /v1/rest: the driver session is closed.
std::string rest_document(const Source& source);

// The Error of an Error document, whatever the text is.
Error parse_error(std::string_view text);

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_READING_H_
