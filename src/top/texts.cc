// SPDX-License-Identifier: Apache-2.0
#include "top/texts.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace mig::top {
namespace {

constexpr double kKibi = 1024;

struct Scaled {
  double value;
  const char* unit;
};

Scaled scaled(double bytes) {
  const char* unit = "B";
  for (const char* next : {"K", "M", "G", "T"}) {
    if (bytes < 1000) {
      break;
    }
    bytes /= kKibi;
    unit = next;
  }
  return {bytes, unit};
}

std::string short_number(double value) {
  constexpr double kWhole = 99.95;
  return value >= kWhole || value == 0 ? fmt::format("{:.0f}", value)
                                       : fmt::format("{:.1f}", value);
}

}  // namespace

std::string percent(const std::optional<double>& ratio) {
  if (!ratio || !std::isfinite(*ratio)) {
    return "?";
  }
  constexpr double kHundred = 100;
  const auto whole = std::lround(std::clamp(*ratio, 0.0, 1.0) * kHundred);
  constexpr double kRounding = 1.005;  // what rounds to more than 100 %
  return *ratio >= kRounding ? std::string("100+") : fmt::format("{}%", whole);
}

std::string bytes_text(const std::optional<std::uint64_t>& bytes) {
  if (!bytes) {
    return "?";
  }
  const Scaled size = scaled(static_cast<double>(*bytes));
  return short_number(size.value) + size.unit;
}

std::string memory_text(const std::optional<std::uint64_t>& used,
                        const std::optional<std::uint64_t>& total) {
  if (!total) {
    return bytes_text(used);
  }
  constexpr double kGibi = kKibi * kKibi * kKibi;
  const std::string all = short_number(static_cast<double>(*total) / kGibi);
  return (used ? short_number(static_cast<double>(*used) / kGibi) : "?") + "/" + all + "G";
}

std::string rate_text(const std::optional<double>& bytes_per_second) {
  if (!bytes_per_second || !std::isfinite(*bytes_per_second)) {
    return "?";
  }
  const Scaled rate = scaled(std::max(*bytes_per_second, 0.0));
  return short_number(rate.value) + rate.unit + "/s";
}

std::string watts_text(const std::optional<double>& watts) {
  constexpr double kSmall = 9.95;
  if (!watts || !std::isfinite(*watts)) {
    return "?";
  }
  return *watts < kSmall ? fmt::format("{:.1f}", *watts) : fmt::format("{:.0f}", *watts);
}

std::string age_text(std::int64_t ms) {
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 60 * kMinute;
  constexpr std::int64_t kDay = 24 * kHour;
  const std::int64_t seconds = std::max<std::int64_t>(ms, 0) / 1000;
  if (seconds < 2 * kMinute) {
    return fmt::format("{}s", seconds);
  }
  if (seconds < 2 * kHour) {
    return fmt::format("{}m", seconds / kMinute);
  }
  return seconds < 2 * kDay ? fmt::format("{}h", seconds / kHour)
                            : fmt::format("{}d", seconds / kDay);
}

std::string clock_text(std::int64_t unix_ms) {
  constexpr std::int64_t kDaySeconds = 86'400;
  const std::int64_t second = ((unix_ms / 1000) % kDaySeconds + kDaySeconds) % kDaySeconds;
  return fmt::format("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
}

Color load_color(double ratio, bool memory) {
  constexpr double kLight = 0.1;
  constexpr double kHeavy = 0.75;
  constexpr double kMemoryHeavy = 0.8;
  if (ratio < kLight) {
    return Color::kLow;
  }
  return ratio < (memory ? kMemoryHeavy : kHeavy) ? Color::kMiddle : Color::kHigh;
}

}  // namespace mig::top
