// SPDX-License-Identifier: Apache-2.0
// Inside of lab/: the machine as `migctl list --json` and `migctl profiles --json` tell it. The lab
// reads by the commands that a student types, of a machine that is often another process's.
#ifndef MIGCTL_LAB_READING_H_
#define MIGCTL_LAB_READING_H_

#include <string_view>

#include "mig/inventory.h"
#include "mig/result.h"

namespace mig::lab {

// kInvalidInput names the member that is missing or mistyped. `profiles` "" = without them.
Result<Inventory> parse_reading(std::string_view list, std::string_view profiles);

}  // namespace mig::lab

#endif  // MIGCTL_LAB_READING_H_
