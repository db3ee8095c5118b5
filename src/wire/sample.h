// SPDX-License-Identifier: Apache-2.0
// JSON of a MachineSample (model/sample.h): what the daemon's GET /v1/sample gives out. Generations
// are texts of sixteen hexadecimal digits, since readers with doubles would round them.
//
// Threading: pure functions.
#ifndef MIGCTL_WIRE_SAMPLE_H_
#define MIGCTL_WIRE_SAMPLE_H_

#include <string>
#include <string_view>
#include <vector>

#include "mig/result.h"

#include "model/sample.h"
#include "model/sample_history.h"
#include "wire/wire.h"

namespace mig::wire {

std::string sample_document(const MachineSample& sample);

// kInvalidInput names the missing or mistyped member; kTooLarge above 16 MiB. Members that this
// version does not know are passed over.
Result<MachineSample> parse_sample(std::string_view text);

// What GET /v1/history gives out; shares as in a sample, power in watts.
std::string sample_history_document(const std::vector<SampleRow>& rows, const Source& source);
// The same as comma-separated values, with a line of names first; an unknown value is empty.
std::string sample_history_csv(const std::vector<SampleRow>& rows, const Source& source);

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_SAMPLE_H_
