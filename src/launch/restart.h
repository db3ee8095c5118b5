// SPDX-License-Identifier: Apache-2.0
// When a job's command is started again after it ended. Pure values.
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
  std::optional<std::uint32_t> most;  // restarts; nullopt = no limit

  // "no", "on-failure", "on-failure:5", "always". kUsage otherwise.
  static Result<RestartPolicy> parse(const std::string& text);
  std::string str() const;

  bool again(int exit_code, std::uint32_t restarts) const;
};

// Before the n-th restart in a row (from 0): one second, doubled each time, a minute at the most.
std::chrono::milliseconds restart_delay(std::uint32_t in_a_row);

// Who ran so long is not failing in a loop: the delay begins at one second again.
inline constexpr std::chrono::seconds kRanWell{10};

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_RESTART_H_
