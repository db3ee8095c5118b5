// SPDX-License-Identifier: Apache-2.0
#include "cli/units.h"

#include <fmt/core.h>

#include "base/strings.h"
#include "base/units.h"

namespace mig::cli {

Result<std::chrono::milliseconds> parse_duration(const std::string& option,
                                                 const std::string& text) {
  constexpr std::chrono::hours kMost{30 * 24};
  if (const auto time = base::parse_time(text, kMost)) {
    return *time;
  }
  return fail(ErrorCode::kUsage,
              fmt::format("{} is {}: a time with its unit is expected", option, base::quoted(text)),
              "for example 45s, 10m or 2h, at most 30 days");
}

Result<std::uint64_t> parse_memory(const std::string& option, const std::string& text) {
  constexpr std::uint64_t kMostMib = 16ULL << 20U;
  if (const auto mib = base::parse_size_mib(text, kMostMib)) {
    return *mib;
  }
  return fail(ErrorCode::kUsage,
              fmt::format("{} is {}: a size with its unit is expected", option, base::quoted(text)),
              "for example 12GiB or 900MiB");
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
