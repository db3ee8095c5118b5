// SPDX-License-Identifier: Apache-2.0
// The SharingComparison document.
#ifndef MIGCTL_WIRE_SHARING_H_
#define MIGCTL_WIRE_SHARING_H_

#include <string>

#include "model/sharing_values.h"
#include "wire/wire.h"

namespace mig::wire {

std::string sharing_document(const sharing::Report& report, const Source& source);

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_SHARING_H_
