// SPDX-License-Identifier: Apache-2.0
// Inside of wire/: the JSON reader of its decoders.
#ifndef MIGCTL_WIRE_READER_H_
#define MIGCTL_WIRE_READER_H_

#include <string>
#include <string_view>

#include "base/json.h"
#include "wire/document.h"

namespace mig::wire {

using Problem = base::JsonProblem;
using Reader = base::JsonReader;

// "" where the member is missing or null.
std::string text_at(const Reader& reader, std::string_view key);

// Of an Error document.
Error error_of(const Reader& reader);

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_READER_H_
