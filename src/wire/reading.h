// SPDX-License-Identifier: Apache-2.0
// Requests of warm readings from the daemon, with the client's assumptions: a response is valid
// only if it equals the client's own reading.
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
  std::string version;                     // of the client program: both must have the same version
  std::string machine;                     // folder of the simulated machine; "" = the real machine
  std::string proc_root;                   // the client's /proc
  MachinePart part = MachinePart::kState;  // for /v1/machine
  std::vector<std::string> arguments = {};  // for /v1/smi: words after `smi`
};

std::string reading_request_document(const ReadingRequest& request);
Result<ReadingRequest> parse_reading_request(std::string_view text);

// Output of nvidia-smi's dialect for a reading command line.
struct SmiAnswer {
  int exit_code = 0;
  std::string out, err;
};

// kNotSupported: the output is not UTF-8, which JSON cannot represent.
Result<std::string> smi_answer_document(const SmiAnswer& answer, const Source& source);
Result<SmiAnswer> parse_smi_answer(std::string_view text);

// Response of POST /v1/rest: the driver session is closed.
std::string rest_document(const Source& source);

// The Error of an Error document; a malformed text gives an Error too.
Error parse_error(std::string_view text);

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_READING_H_
