// SPDX-License-Identifier: Apache-2.0
// Sizes and times with units: the one parser and the one printer. A number without a unit is no
// value: it would be seconds to some readers and minutes to others. Threading: pure functions.
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

// Parses a size into MiB, rounded up: whole numbers with a unit in either case. M, G, T and MiB,
// GiB, TiB are powers of 1024 ("10G" = "10GiB" = "10240M"), MB, GB, TB powers of 1000 ("10GB" is
// 9537 MiB). nullopt: malformed, or above `most_mib`.
std::optional<std::uint64_t> parse_size_mib(std::string_view text, std::uint64_t most_mib);

// Parses "700ms", "45s", "10m", "2h", "7d", sums of them from the longest unit to the shortest
// ("1h30m"), and the clock forms "2:00:00" and "1-12:00:00" ([DAYS-]HOURS:MINUTES:SECONDS).
// nullopt: malformed, or above `most`.
std::optional<std::chrono::milliseconds> parse_time(std::string_view text,
                                                    std::chrono::milliseconds most);

// A duration for display: "45 s", "12 min", "8 h", "8 h 25 min", "7 d", "2 d 3 h"; a unit is used
// from two of it on. Below 2 h it is rounded up, so that what still lasts is never "0 s"; from 2 h
// on to the nearest minute, from 2 d on to the nearest hour.
std::string span_text(std::int64_t ms);

// MiB as GiB with at most two decimals, without the unit: "4.75", "40".
std::string gib_text(std::uint64_t mib);

}  // namespace mig::base

#endif  // MIGCTL_BASE_UNITS_H_
