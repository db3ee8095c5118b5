// SPDX-License-Identifier: Apache-2.0
#include "base/units.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/strings.h"

namespace mig::base {
namespace {

struct Unit {
  std::string_view suffix;
  std::uint64_t factor;
};

// In bytes. "G" alone is binary, as in Slurm and in memory limits of systemd; "GB" is decimal.
constexpr std::uint64_t kKilo = 1000;
constexpr std::uint64_t kBytesInMib = 1ULL << 20U;
constexpr std::array<Unit, 9> kSizes{{{"tib", 1ULL << 40U},
                                      {"gib", 1ULL << 30U},
                                      {"mib", kBytesInMib},
                                      {"tb", kKilo* kKilo* kKilo* kKilo},
                                      {"gb", kKilo* kKilo* kKilo},
                                      {"mb", kKilo* kKilo},
                                      {"t", 1ULL << 40U},
                                      {"g", 1ULL << 30U},
                                      {"m", kBytesInMib}}};
// Longest unit first: the parts of "1d2h30m" stand in this order.
constexpr std::array<Unit, 5> kTimesInMs{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};

std::size_t digits_at(std::string_view text) {
  const auto end = text.find_first_not_of("0123456789");
  return end == std::string_view::npos ? text.size() : end;
}

// "1h30m": numbers with units, each unit at most once, longer ones first.
std::optional<std::uint64_t> sum_of_parts(std::string_view text, std::uint64_t most) {
  std::uint64_t sum = 0;
  std::size_t next_unit = 0;
  do {
    const std::size_t digits = digits_at(text);
    const std::size_t end = std::min(text.find_first_of("0123456789", digits), text.size());
    const std::string_view unit = text.substr(digits, end - digits);
    while (next_unit < kTimesInMs.size() && kTimesInMs.at(next_unit).suffix != unit) {
      ++next_unit;
    }
    if (next_unit == kTimesInMs.size()) {
      return std::nullopt;
    }
    const std::uint64_t factor = kTimesInMs.at(next_unit++).factor;
    const auto value = parse_decimal(text.substr(0, digits), (most - sum) / factor);
    if (!value) {
      return std::nullopt;
    }
    sum += *value * factor;
    text.remove_prefix(end);
  } while (!text.empty());
  return sum;
}

// Two digits of a clock, 00 to 59.
std::optional<std::uint64_t> sixtieths(std::string_view text) {
  if (text.size() != 2 || digits_at(text) != 2 || text[0] > '5') {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(text[0] - '0') * 10 + static_cast<std::uint64_t>(text[1] - '0');
}

// "2:00:00" and "1-12:00:00": [DAYS-]HOURS:MINUTES:SECONDS.
std::optional<std::uint64_t> clock_ms(std::string_view text, std::uint64_t most) {
  constexpr std::uint64_t kSecond = 1000;
  constexpr std::uint64_t kMinute = 60 * kSecond;
  constexpr std::uint64_t kHour = 60 * kMinute;
  constexpr std::uint64_t kDay = 24 * kHour;
  std::uint64_t sum = 0;
  std::uint64_t most_hours = most / kHour;
  if (const auto dash = text.find('-'); dash != std::string_view::npos) {
    const auto days = parse_decimal(text.substr(0, dash), most / kDay);
    if (!days) {
      return std::nullopt;
    }
    sum = *days * kDay;
    most_hours = std::min<std::uint64_t>(23, (most - sum) / kHour);
    text.remove_prefix(dash + 1);
  }
  const std::vector<std::string> parts = split(text, ':');
  if (parts.size() != 3) {
    return std::nullopt;
  }
  const std::string_view hour_word = parts[0];
  // With days the hours have two digits, as on a clock: "1-06:00:00".
  const bool padded = hour_word.size() == 2 && hour_word.front() == '0';
  const auto hours = parse_decimal(padded ? hour_word.substr(1) : hour_word, most_hours);
  const auto minutes = sixtieths(parts[1]);
  const auto seconds = sixtieths(parts[2]);
  if (!hours || !minutes || !seconds) {
    return std::nullopt;
  }
  sum += *hours * kHour + *minutes * kMinute + *seconds * kSecond;
  return sum <= most ? std::optional(sum) : std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> parse_size_mib(std::string_view text, std::uint64_t most_mib) {
  const std::string word = lower(text);
  for (const Unit& unit : kSizes) {
    if (!word.ends_with(unit.suffix)) {
      continue;
    }
    const std::string_view number =
        std::string_view(word).substr(0, word.size() - unit.suffix.size());
    const auto value = parse_decimal(number, UINT64_MAX / unit.factor);
    if (!value) {
      return std::nullopt;
    }
    const std::uint64_t bytes = *value * unit.factor;
    const std::uint64_t mib = bytes / kBytesInMib + (bytes % kBytesInMib == 0 ? 0 : 1);
    return mib <= most_mib ? std::optional(mib) : std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> parse_time(std::string_view text,
                                                    std::chrono::milliseconds most) {
  const auto limit = static_cast<std::uint64_t>(most.count());
  const auto ms =
      text.find(':') == std::string_view::npos ? sum_of_parts(text, limit) : clock_ms(text, limit);
  return ms ? std::optional(std::chrono::milliseconds(*ms)) : std::nullopt;
}

std::string span_text(std::int64_t ms) {
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 60 * kMinute;
  constexpr std::int64_t kMinutesInHour = 60;
  constexpr std::int64_t kHoursInDay = 24;
  const std::int64_t seconds = (ms + 999) / 1000;
  if (seconds < 2 * kMinute) {
    return fmt::format("{} s", seconds);
  }
  if (seconds < 2 * kHour) {
    return fmt::format("{} min", (seconds + kMinute - 1) / kMinute);
  }
  const auto two_units =
      [](std::int64_t count, std::int64_t in_big, const char* big, const char* small) {
        return count % in_big == 0
                   ? fmt::format("{} {}", count / in_big, big)
                   : fmt::format("{} {} {} {}", count / in_big, big, count % in_big, small);
      };
  const std::int64_t minutes = (ms / 1000 + kMinute / 2) / kMinute;
  if (minutes < 2 * kHoursInDay * kMinutesInHour) {
    return two_units(minutes, kMinutesInHour, "h", "min");
  }
  return two_units((minutes + kMinutesInHour / 2) / kMinutesInHour, kHoursInDay, "d", "h");
}

std::string gib_text(std::uint64_t mib) {
  std::string text = fmt::format("{:.2f}", static_cast<double>(mib) / 1024.0);
  if (text.ends_with(".00")) {
    text.resize(text.size() - 3);
  }
  return text;
}

}  // namespace mig::base
