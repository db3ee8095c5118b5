// SPDX-License-Identifier: Apache-2.0
// The IsolationReport document.
#ifndef MIGCTL_WIRE_ISOLATION_H_
#define MIGCTL_WIRE_ISOLATION_H_

#include <string>

#include "model/isolation_values.h"
#include "wire/wire.h"

namespace mig::wire {

std::string isolation_document(const isolation::Report& report, const Source& source);

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_ISOLATION_H_
