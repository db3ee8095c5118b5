// SPDX-License-Identifier: Apache-2.0
// Time that searches for users may take: a search through all cgroups holds up the daemon's loop,
// and any user can ask for one after the other. Each user has a second, which comes back at a
// twentieth of the time that passes. Root has no limit.
//
// Threading: not thread-safe.
#ifndef MIGCTL_SERVICE_SEARCH_BUDGET_H_
#define MIGCTL_SERVICE_SEARCH_BUDGET_H_

#include <chrono>
#include <cstdint>
#include <map>

#include "mig/result.h"

namespace mig::service {

class SearchBudget {
 public:
  using Time = std::chrono::nanoseconds;  // of the monotonic clock

  static constexpr std::chrono::seconds kMost{1};
  static constexpr int kShareOfTime = 20;

  // kNoCapacity, with the time to wait, while the user's searches have taken more than its share.
  Result<void> may_search(std::uint32_t uid, Time now);
  void took(std::uint32_t uid, Time now, Time time);

 private:
  struct Spent {
    Time time{0}, at{0};
  };

  static Time left_of(const Spent& spent, Time now);

  std::map<std::uint32_t, Spent> spent_;  // users without an entry have spent nothing
};

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_SEARCH_BUDGET_H_
