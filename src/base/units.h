// SPDX-License-Identifier: Apache-2.0
// Sizes and times with their units: the one parser of what users write, and the one way to print
// them. A value is a whole number with its unit behind it and nothing between: "12GiB", "45s".
// Threading: pure functions. Example:
//
//   const auto wait = base::parse_time("10m", std::chrono::hours(24 * 30));  // 600,000 ms
#ifndef MIGCTL_BASE_UNITS_H_
#define MIGCTL_BASE_UNITS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mig::base {

// "900MiB", "12GiB", "1TiB", in MiB. nullopt: no such size, or above `most_mib`.
std::optional<std::uint64_t> parse_size_mib(std::string_view text, std::uint64_t most_mib);

// "700ms", "45s", "10m", "2h", "7d". nullopt: no such time, or above `most`.
std::optional<std::chrono::milliseconds> parse_time(std::string_view text,
                                                    std::chrono::milliseconds most);

// A span for people, rounded up to one unit: "45 s", "12 min", "3 h"; each unit from two of it on.
std::string span_text(std::int64_t ms);

// "4.75", "40": GiB with at most two decimals, without the unit.
std::string gib_text(std::uint64_t mib);

}  // namespace mig::base

#endif  // MIGCTL_BASE_UNITS_H_
