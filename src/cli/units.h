// SPDX-License-Identifier: Apache-2.0
// Option values with a unit: "45s", "12GiB". Errors name the option.
#ifndef MIGCTL_CLI_UNITS_H_
#define MIGCTL_CLI_UNITS_H_

#include <chrono>
#include <cstdint>
#include <string>

#include "mig/result.h"

namespace mig::cli {

// Parses a time (base/units.h): "45s", "1h30m", "2:00:00"; at most 30 days.
Result<std::chrono::milliseconds> parse_duration(const std::string& option,
                                                 const std::string& text);

// Parses a size (base/units.h) into MiB: "12GiB", "10GB"; at most 16 TiB.
Result<std::uint64_t> parse_memory(const std::string& option, const std::string& text);

// "" = 0. The range -100 to 100 is checked by the lease store.
Result<std::int32_t> parse_priority(const std::string& text);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_UNITS_H_
