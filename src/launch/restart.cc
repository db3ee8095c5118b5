// SPDX-License-Identifier: Apache-2.0
#include "launch/restart.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/strings.h"

namespace mig::launch {

Result<RestartPolicy> RestartPolicy::parse(const std::string& text) {
  constexpr std::uint64_t kMost = 1'000'000;
  constexpr std::string_view kCounted = "on-failure:";
  if (text == "no") {
    return RestartPolicy{};
  }
  if (text == "always") {
    return RestartPolicy{When::kAlways, {}};
  }
  if (text == "on-failure") {
    return RestartPolicy{When::kOnFailure, {}};
  }
  if (text.starts_with(kCounted)) {
    if (const auto most =
            base::parse_decimal(std::string_view(text).substr(kCounted.size()), kMost)) {
      return RestartPolicy{When::kOnFailure, static_cast<std::uint32_t>(*most)};
    }
  }
  return fail(ErrorCode::kUsage,
              fmt::format("--restart is {}: no, on-failure, on-failure:N or always is expected",
                          base::quoted(text)),
              "for example --restart on-failure:5");
}

std::string RestartPolicy::str() const {
  switch (when) {
    case When::kNever:
      break;
    case When::kOnFailure:
      return most ? fmt::format("on-failure:{}", *most) : "on-failure";
    case When::kAlways:
      return "always";
  }
  return "no";
}

bool RestartPolicy::again(int exit_code, std::uint32_t restarts) const {
  if (when == When::kNever || (most && restarts >= *most)) {
    return false;
  }
  return when == When::kAlways || exit_code != 0;
}

std::chrono::milliseconds restart_delay(std::uint32_t in_a_row) {
  constexpr std::uint32_t kDoublings = 6;
  const std::chrono::seconds delay(1U << std::min(in_a_row, kDoublings));
  return std::min<std::chrono::milliseconds>(delay, std::chrono::minutes(1));
}

}  // namespace mig::launch
