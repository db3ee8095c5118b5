// SPDX-License-Identifier: Apache-2.0
// Sizes and times with units: the one parser and the one printer. A value is an integer directly
// followed by its unit: "12GiB", "45s". Threading: pure functions. Example:
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

// Parses "900MiB", "12GiB", "1TiB" into MiB. nullopt: malformed, or above `most_mib`.
std::optional<std::uint64_t> parse_size_mib(std::string_view text, std::uint64_t most_mib);

// Parses "700ms", "45s", "10m", "2h", "7d". nullopt: malformed, or above `most`.
std::optional<std::chrono::milliseconds> parse_time(std::string_view text,
                                                    std::chrono::milliseconds most);

// A duration for display, rounded up to one unit: "45 s", "12 min", "3 h"; a unit is used from two
// of it on.
std::string span_text(std::int64_t ms);

// MiB as GiB with at most two decimals, without the unit: "4.75", "40".
std::string gib_text(std::uint64_t mib);

}  // namespace mig::base

#endif  // MIGCTL_BASE_UNITS_H_
