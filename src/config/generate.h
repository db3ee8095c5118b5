// SPDX-License-Identifier: Apache-2.0
// Generates a layout file from the profiles of the machine's boards, by mig-parted's rules:
// all-disabled, all-enabled, all-balanced and one all-<profile> with the maximum of each GPU
// instance profile.
#ifndef MIGCTL_CONFIG_GENERATE_H_
#define MIGCTL_CONFIG_GENERATE_H_

#include <string>

#include "mig/inventory.h"
#include "mig/result.h"

#include "config/spec.h"

namespace mig::config {

// Output is valid input of parse_spec(); a device-filter is written only where the machine has more
// than one model. kNotSupported when no GPU supports MIG or the driver reports no profile.
Result<std::string> generate_spec(const Inventory& inventory, Format format);

}  // namespace mig::config

#endif  // MIGCTL_CONFIG_GENERATE_H_
