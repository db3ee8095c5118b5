// SPDX-License-Identifier: Apache-2.0
// Option values with a unit: "45s", "12GiB". Errors name the option.
#ifndef MIGCTL_CLI_UNITS_H_
#define MIGCTL_CLI_UNITS_H_

#include <chrono>
#include <cstdint>
#include <string>

#include "mig/result.h"

namespace mig::cli {

// Parses "700ms", "45s", "10m", "2h", "7d"; at most 30 days.
Result<std::chrono::milliseconds> parse_duration(const std::string& option,
                                                 const std::string& text);

// Parses "12GiB", "900MiB", "1TiB" into MiB; at most 16 TiB.
Result<std::uint64_t> parse_memory(const std::string& option, const std::string& text);

// "" = 0. The range -100 to 100 is checked by the lease store.
Result<std::int32_t> parse_priority(const std::string& text);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_UNITS_H_
