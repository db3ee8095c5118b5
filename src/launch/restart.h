// SPDX-License-Identifier: Apache-2.0
// Restart policy of a job's command. Pure values.
#ifndef MIGCTL_LAUNCH_RESTART_H_
#define MIGCTL_LAUNCH_RESTART_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "mig/result.h"

namespace mig::launch {

struct RestartPolicy {
  enum class When { kNever, kOnFailure, kAlways };

  When when = When::kNever;
  std::optional<std::uint32_t> most;  // maximum number of restarts; nullopt = no limit

  // Parses "no", "on-failure", "on-failure:5", "always"; kUsage otherwise.
  static Result<RestartPolicy> parse(const std::string& text);
  std::string str() const;

  bool again(int exit_code, std::uint32_t restarts) const;
};

// Exponential backoff before the n-th restart in a row (from 0): one second, doubled each time,
// capped at a minute.
std::chrono::milliseconds restart_delay(std::uint32_t in_a_row);

// A command that ran so long is not in a crash loop: the backoff is reset.
inline constexpr std::chrono::seconds kRanWell{10};

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_RESTART_H_
