// SPDX-License-Identifier: Apache-2.0
#include "service/printed_rate.h"

#include <charconv>
#include <regex>

#include <fmt/format.h>

#include "base/strings.h"

namespace mig::service {
namespace {

constexpr std::size_t kLongestRegex = 200;
constexpr std::size_t kLongestLine = 1000;  // the library's matcher recurses over a line

std::optional<double> number(const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [at, code] = std::from_chars(text.data(), end, value);
  return code == std::errc() && at == end ? std::optional(value) : std::nullopt;
}

}  // namespace

Result<void> check_rate_regex(const std::string& regex) {
  const auto refuse = [&](const std::string& why) {
    return fail(ErrorCode::kUsage,
                fmt::format("--rate-regex is {}: {}", base::quoted(regex), why),
                "for example --rate-regex 'Throughput: ([0-9.]+)'");
  };
  if (regex.size() > kLongestRegex) {
    return refuse(fmt::format("more than {} characters", kLongestRegex));
  }
  try {
    if (std::regex(regex).mark_count() != 1) {
      return refuse("it needs exactly one group, which is the rate");
    }
  } catch (const std::regex_error& error) {
    return refuse(error.what());
  }
  return {};
}

std::optional<double> printed_rate(std::string_view output, const std::string& regex) {
  std::optional<double> found;
  try {
    const std::regex expression(regex);
    for (const std::string& line : base::split(output, '\n')) {
      std::smatch match;
      if (line.size() <= kLongestLine && std::regex_search(line, match, expression)) {
        if (const auto rate = number(match[1].str())) {
          found = rate;
        }
      }
    }
  } catch (const std::regex_error&) {
    return std::nullopt;  // too much for the library's matcher
  }
  return found;
}

}  // namespace mig::service
