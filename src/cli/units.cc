// SPDX-License-Identifier: Apache-2.0
#include "cli/units.h"

#include <algorithm>
#include <cstdint>

#include <fmt/core.h>

#include "base/strings.h"
#include "base/units.h"

namespace mig::cli {
namespace {

bool is_number(const std::string& text) {
  return base::parse_decimal(text, UINT32_MAX).has_value();
}

std::string time_hint(const std::string& text) {
  if (is_number(text)) {
    return fmt::format("{0}s, {0}m or {0}h?", text);
  }
  return std::count(text.begin(), text.end(), ':') == 1
             ? "of a clock, hours, minutes and seconds are expected: 2:00:00 is two hours"
             : "for example 45s, 10m, 1h30m or 2:00:00, at most 30 days";
}

}  // namespace

Result<std::chrono::milliseconds> parse_duration(const std::string& option,
                                                 const std::string& text) {
  constexpr std::chrono::hours kMost{30 * 24};
  if (const auto time = base::parse_time(text, kMost)) {
    return *time;
  }
  return fail(ErrorCode::kUsage,
              fmt::format("{} is {}: a time with its unit is expected", option, base::quoted(text)),
              time_hint(text));
}

Result<std::uint64_t> parse_memory(const std::string& option, const std::string& text) {
  constexpr std::uint64_t kMostMib = 16ULL << 20U;
  if (const auto mib = base::parse_size_mib(text, kMostMib)) {
    return *mib;
  }
  return fail(ErrorCode::kUsage,
              fmt::format("{} is {}: a size with its unit is expected", option, base::quoted(text)),
              is_number(text) ? fmt::format("{0}G or {0}M? G is GiB, and GB is decimal", text)
                              : std::string("for example 12GiB (= 12G), 900MiB or 10GB (decimal)"));
}

Result<std::int32_t> parse_priority(const std::string& text) {
  if (text.empty()) {
    return 0;
  }
  const bool negative = text.front() == '-';
  const auto number = base::parse_decimal(std::string_view(text).substr(negative ? 1 : 0), 1000);
  if (!number) {
    return fail(
        ErrorCode::kUsage,
        fmt::format("--priority is {}: a number from -100 to 100 is expected", base::quoted(text)));
  }
  return static_cast<std::int32_t>(*number) * (negative ? -1 : 1);
}

}  // namespace mig::cli
