// SPDX-License-Identifier: Apache-2.0
#include "service/search_budget.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/units.h"

namespace mig::service {

SearchBudget::Time SearchBudget::left_of(const Spent& spent, Time now) {
  return std::max(spent.time - (now - spent.at) / kShareOfTime, Time(0));
}

Result<void> SearchBudget::may_search(std::uint32_t uid, Time now) {
  std::erase_if(spent_, [&](const auto& of) { return left_of(of.second, now) == Time(0); });
  const auto spent = spent_.find(uid);
  if (uid == 0 || spent == spent_.end()) {
    return {};
  }
  const Time over = left_of(spent->second, now) - kMost;
  if (over < Time(0)) {
    return {};
  }
  const auto wait = std::chrono::ceil<std::chrono::seconds>(over * kShareOfTime);
  return fail(ErrorCode::kNoCapacity,
              "searches for your units have taken too much time of late",
              fmt::format("name the unit's main process (--pid), or try again in {}",
                          base::span_text(std::max<std::int64_t>(wait.count(), 1) * 1000)));
}

void SearchBudget::took(std::uint32_t uid, Time now, Time time) {
  if (uid == 0) {
    return;
  }
  Spent& spent = spent_[uid];
  spent = {left_of(spent, now) + time, now};
}

}  // namespace mig::service
