// SPDX-License-Identifier: Apache-2.0
// Readings as the short texts of a table; "?" = unknown. Threading: pure functions.
#ifndef MIGCTL_TOP_TEXTS_H_
#define MIGCTL_TOP_TEXTS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "top/grid.h"

namespace mig::top {

std::string percent(const std::optional<double>& ratio);            // "45%", "100+" above 1, "?"
std::string bytes_text(const std::optional<std::uint64_t>& bytes);  // "512M", "12.3G", "?"
std::string memory_text(const std::optional<std::uint64_t>& used,
                        const std::optional<std::uint64_t>& total);    // "1.2/17.5G"
std::string rate_text(const std::optional<double>& bytes_per_second);  // "1.2G/s"
std::string watts_text(const std::optional<double>& watts);            // "312", "0.4"
std::string age_text(std::int64_t ms);                                 // "12s", "5m", "3h", "2d"
std::string clock_text(std::int64_t unix_ms);                          // "12:34:56" UTC

// nvitop's limits: light, moderate, heavy.
Color load_color(double ratio, bool memory = false);

}  // namespace mig::top

#endif  // MIGCTL_TOP_TEXTS_H_
