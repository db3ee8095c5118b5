// SPDX-License-Identifier: Apache-2.0
#include "cli/period.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <optional>
#include <regex>

#include <fmt/format.h>

#include "base/strings.h"
#include "base/units.h"

namespace mig::cli {
namespace {

constexpr std::int64_t kMs = 1000;

tl::unexpected<Error> no_time(const std::string& option, const std::string& text) {
  return fail(ErrorCode::kUsage,
              fmt::format("{}: {} is no time", option, base::quoted(text)),
              "2026-11-01, 2026-11-01T12:30, 2026-11-01T12:30Z or +01:00; today, yesterday, month, "
              "last-month, now; 7d ago is 7d");
}

std::tm local(std::int64_t ms) {
  const std::time_t seconds = ms / kMs;
  std::tm parts{};
  localtime_r(&seconds, &parts);
  return parts;
}

bool same_clock(const std::tm& a, const std::tm& b) {
  return a.tm_year == b.tm_year && a.tm_mon == b.tm_mon && a.tm_mday == b.tm_mday &&
         a.tm_hour == b.tm_hour && a.tm_min == b.tm_min && a.tm_sec == b.tm_sec;
}

// The times at which a local clock shows that: none, one or two.
std::vector<std::time_t> times_of(const std::tm& clock) {
  std::vector<std::time_t> out;
  for (const int dst : {1, 0}) {
    std::tm asked = clock;
    asked.tm_isdst = dst;
    const std::time_t time = std::mktime(&asked);
    std::tm back{};
    localtime_r(&time, &back);
    if (time != -1 && same_clock(back, clock) && (out.empty() || out.back() != time)) {
      out.push_back(time);
    }
  }
  return out;
}

// Where the clocks skip midnight, a day begins with the first time that there is.
std::int64_t start_of_day(std::tm day) {
  day.tm_hour = day.tm_min = day.tm_sec = 0;
  const auto times = times_of(day);
  if (!times.empty()) {
    return static_cast<std::int64_t>(times.front()) * kMs;
  }
  day.tm_isdst = -1;
  return static_cast<std::int64_t>(std::mktime(&day)) * kMs;
}

// A word for a day; nullopt: it is none.
std::optional<std::int64_t> named_day(const std::string& word, std::int64_t now_ms) {
  std::tm day = local(now_ms);
  if (word == "yesterday") {
    --day.tm_mday;
  } else if (word == "month") {
    day.tm_mday = 1;
  } else if (word == "last-month") {
    day.tm_mday = 1;
    --day.tm_mon;
  } else if (word != "today") {
    return std::nullopt;
  }
  day.tm_hour = 12;  // no zone changes its clocks at noon
  day.tm_isdst = -1;
  std::mktime(&day);
  return start_of_day(day);
}

// What a calendar does not have (the 30th of February) comes back as another day.
bool is_calendar(const std::tm& asked) {
  std::tm day = asked;
  const std::time_t time = timegm(&day);
  std::tm back{};
  gmtime_r(&time, &back);
  return same_clock(back, asked);
}

Result<std::int64_t> dated(const std::string& option,
                           const std::string& text,
                           const std::smatch& parts) {
  const auto number = [&](std::size_t i) {
    return parts[i].matched ? std::stoi(parts[i].str()) : 0;
  };
  std::tm clock{};
  clock.tm_year = number(1) - 1900;
  clock.tm_mon = number(2) - 1;
  clock.tm_mday = number(3);
  clock.tm_hour = number(4);
  clock.tm_min = number(5);
  clock.tm_sec = number(6);
  if (clock.tm_year < 70 || !is_calendar(clock)) {
    return no_time(option, text);
  }
  constexpr int kFarthestZone = 14;  // hours
  if (number(9) > kFarthestZone || number(10) > 59) {
    return no_time(option, text);
  }
  if (parts[7].matched) {
    const int offset =
        parts[7].str() == "Z" ? 0 : (number(9) * 60 + number(10)) * (parts[8] == "-" ? -60 : 60);
    return (static_cast<std::int64_t>(timegm(&clock)) - offset) * kMs;
  }
  if (!parts[4].matched) {
    return start_of_day(clock);
  }
  const auto times = times_of(clock);
  if (times.size() == 1) {
    return static_cast<std::int64_t>(times.front()) * kMs;
  }
  return fail(
      ErrorCode::kUsage,
      fmt::format("{}: the clocks here {} {}", option, times.empty() ? "skip" : "show twice", text),
      "say which is meant with its offset from UTC, for example " + text + "+01:00");
}

}  // namespace

Result<std::int64_t> parse_time(const std::string& option,
                                const std::string& text,
                                std::int64_t now_ms) {
  static const std::regex kDated(
      "(\\d{4})-(\\d{2})-(\\d{2})(?:[T "
      "](\\d{2}):(\\d{2})(?::(\\d{2}))?(Z|([+-])(\\d{2}):(\\d{2}))?)?");
  constexpr std::size_t kLongest = 40;
  if (text == "now") {
    return now_ms;
  }
  if (const auto day = named_day(text, now_ms)) {
    return *day;
  }
  std::smatch parts;
  if (text.size() <= kLongest && std::regex_match(text, parts, kDated)) {
    return dated(option, text, parts);
  }
  if (text.starts_with("@")) {
    constexpr std::uint64_t kMostSeconds = 253'402'300'799;  // the end of the year 9999
    const auto seconds = base::parse_decimal(text.substr(1), kMostSeconds);
    return seconds ? Result<std::int64_t>(static_cast<std::int64_t>(*seconds) * kMs)
                   : Result<std::int64_t>(no_time(option, text));
  }
  constexpr std::chrono::hours kLongestAgo{400 * 24};  // the longest report
  if (const auto ago = base::parse_time(text, kLongestAgo)) {
    return now_ms - ago->count();
  }
  return no_time(option, text);
}

Result<cost::Period> parse_period(const std::string& from,
                                  const std::string& to,
                                  std::int64_t now_ms) {
  cost::Period period;
  MIG_ASSIGN_OR_RETURN(period.from_ms, parse_time("--from", from.empty() ? "month" : from, now_ms));
  MIG_ASSIGN_OR_RETURN(period.until_ms, parse_time("--to", to.empty() ? "now" : to, now_ms));
  return period;
}

std::string time_text(std::int64_t ms) {
  const std::tm parts = local(ms);
  std::array<char, 64> text{};
  const char* form = parts.tm_sec == 0 ? "%Y-%m-%d %H:%M %Z" : "%Y-%m-%d %H:%M:%S %Z";
  return {text.data(), std::strftime(text.data(), text.size(), form, &parts)};
}

}  // namespace mig::cli
