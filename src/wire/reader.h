// SPDX-License-Identifier: Apache-2.0
// Inside of wire/: the reader that its decoders share.
#ifndef MIGCTL_WIRE_READER_H_
#define MIGCTL_WIRE_READER_H_

#include "base/json.h"
#include "wire/document.h"

namespace mig::wire {

using Problem = base::JsonProblem;
using Reader = base::JsonReader;

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_READER_H_
