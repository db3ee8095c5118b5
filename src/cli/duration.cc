// SPDX-License-Identifier: Apache-2.0
#include "cli/duration.h"

#include <array>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "base/strings.h"

namespace mig::cli {

Result<std::chrono::milliseconds> parse_duration(const std::string& option,
                                                 const std::string& text) {
  constexpr std::uint64_t kMostMs = 30ULL * 24 * 3600 * 1000;
  // "ms" before "s" and "m": the longest suffix is meant.
  constexpr std::array<std::pair<std::string_view, std::uint64_t>, 4> kUnits{
      {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}}};
  for (const auto& [unit, factor] : kUnits) {
    std::string_view number = text;
    if (!number.ends_with(unit)) {
      continue;
    }
    number.remove_suffix(unit.size());
    if (const auto value = base::parse_decimal(number, kMostMs / factor)) {
      return std::chrono::milliseconds(*value * factor);
    }
  }
  return fail(ErrorCode::kUsage,
              fmt::format("{} is {}: a time with its unit is expected", option, base::quoted(text)),
              "for example 45s, 10m or 2h, at most 30 days");
}

}  // namespace mig::cli
