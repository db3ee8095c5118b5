// SPDX-License-Identifier: Apache-2.0
#include "base/units.h"

#include <array>
#include <span>

#include <fmt/format.h>

#include "base/strings.h"

namespace mig::base {
namespace {

struct Unit {
  std::string_view suffix;
  std::uint64_t factor;
};

constexpr std::array<Unit, 3> kSizesInMib{{{"TiB", 1U << 20U}, {"GiB", 1U << 10U}, {"MiB", 1}}};
constexpr std::array<Unit, 5> kTimesInMs{
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};

// Only one unit matches: "10ms" also ends with the suffix "s", but the rest "10m" is no number.
std::optional<std::uint64_t> scaled(std::string_view text,
                                    std::span<const Unit> units,
                                    std::uint64_t most) {
  for (const Unit& unit : units) {
    if (!text.ends_with(unit.suffix)) {
      continue;
    }
    const std::string_view number = text.substr(0, text.size() - unit.suffix.size());
    if (const auto value = parse_decimal(number, most / unit.factor)) {
      return *value * unit.factor;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> parse_size_mib(std::string_view text, std::uint64_t most_mib) {
  return scaled(text, kSizesInMib, most_mib);
}

std::optional<std::chrono::milliseconds> parse_time(std::string_view text,
                                                    std::chrono::milliseconds most) {
  const auto ms = scaled(text, kTimesInMs, static_cast<std::uint64_t>(most.count()));
  return ms ? std::optional(std::chrono::milliseconds(*ms)) : std::nullopt;
}

std::string span_text(std::int64_t ms) {
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 60 * kMinute;
  const std::int64_t seconds = (ms + 999) / 1000;
  if (seconds < 2 * kMinute) {
    return fmt::format("{} s", seconds);
  }
  if (seconds < 2 * kHour) {
    return fmt::format("{} min", (seconds + kMinute - 1) / kMinute);
  }
  return fmt::format("{} h", (seconds + kHour - 1) / kHour);
}

std::string gib_text(std::uint64_t mib) {
  std::string text = fmt::format("{:.2f}", static_cast<double>(mib) / 1024.0);
  if (text.ends_with(".00")) {
    text.resize(text.size() - 3);
  }
  return text;
}

}  // namespace mig::base
