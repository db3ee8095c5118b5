// SPDX-License-Identifier: Apache-2.0
// Times as users write them: a whole number and its unit, "45s", "10m", "2h", "700ms".
#ifndef MIGCTL_CLI_DURATION_H_
#define MIGCTL_CLI_DURATION_H_

#include <chrono>
#include <string>

#include "mig/result.h"

namespace mig::cli {

// kUsage naming the option; at most 30 days.
Result<std::chrono::milliseconds> parse_duration(const std::string& option,
                                                 const std::string& text);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_DURATION_H_
