// SPDX-License-Identifier: Apache-2.0
// JSON of `migctl doctor` (wire/wire.h has the rules).
#ifndef MIGCTL_WIRE_CHECKUP_H_
#define MIGCTL_WIRE_CHECKUP_H_

#include <string>
#include <vector>

#include "model/checkup.h"
#include "wire/wire.h"

namespace mig::wire {

std::string checkup_document(const Checkup& checkup, const Source& source);
std::string check_list_document(const std::vector<CheckName>& checks);

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_CHECKUP_H_
