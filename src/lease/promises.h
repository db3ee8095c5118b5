// SPDX-License-Identifier: Apache-2.0
// Inside of lease/: when instances come free, and the reservations of a scheduling pass.
#ifndef MIGCTL_LEASE_PROMISES_H_
#define MIGCTL_LEASE_PROMISES_H_

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "lease/schedule.h"

namespace mig::lease {

inline constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

inline std::optional<std::int64_t> later(std::optional<std::int64_t> a,
                                         std::optional<std::int64_t> b) {
  return a && b ? std::optional(std::max(*a, *b)) : std::nullopt;
}

// A time from now: as far as limits tell it, and with assumed ends where there are no limits.
struct When {
  std::optional<std::int64_t> firm, planned;
};

inline When later(const When& a, const When& b) {
  return {later(a.firm, b.firm), later(a.planned, b.planned)};
}

// Reservations of one instance: the first starts at `start_ms` (nullopt: unknown), the last ends at
// `end`.
struct Promises {
  bool any = false;
  std::optional<std::int64_t> start_ms;
  When end;

  void add(std::optional<std::int64_t> start, const When& until) {
    if (!any) {
      *this = {true, start, until};
      return;
    }
    start_ms = start_ms && start ? std::optional(std::min(*start_ms, *start)) : std::nullopt;
    end = later(end, until);
  }

  // True when using the instance now for so long delays no reservation.
  bool kept_by(std::optional<std::int64_t> limit_ms) const {
    return !any || (start_ms && limit_ms && *limit_ms <= *start_ms);
  }
};

struct Place {
  const Seat* seat = nullptr;
  std::vector<HeldBy> held;  // including grants of this pass
  Promises promises;
};

// When the lease ends. One that is about to end still occupies the instance.
inline When end_of(const HeldBy& held) {
  if (held.left_ms) {
    const std::int64_t left = std::max<std::int64_t>(*held.left_ms, 1);
    return {left, left};
  }
  return {
      std::nullopt,
      held.assumed_ms ? std::optional(std::max<std::int64_t>(*held.assumed_ms, 1)) : std::nullopt};
}

inline std::optional<std::int64_t> sooner(std::optional<std::int64_t> a,
                                          std::optional<std::int64_t> b) {
  return a && b ? std::optional(std::min(*a, *b)) : (a ? a : b);
}

// When a request could have the instance if nothing were reserved; 0 = now.
inline When free_in(const Place& place, std::uint32_t shared, std::optional<std::int64_t> busy_ms) {
  if (!place.seat->busy.empty() && place.held.empty()) {
    return {std::nullopt, busy_ms};
  }
  const bool joins = shared > 1 && std::all_of(place.held.begin(),
                                               place.held.end(),
                                               [&](const HeldBy& h) { return h.shared == shared; });
  if (joins && place.held.size() < shared) {
    return {0, 0};
  }
  When all{0, 0};
  When first;
  for (const HeldBy& held : place.held) {
    const When end = end_of(held);
    all = later(all, end);
    first = {sooner(first.firm, end.firm), sooner(first.planned, end.planned)};
  }
  return joins ? first : all;
}

inline bool is_now(const When& when) {
  return when.firm == 0;
}

}  // namespace mig::lease

#endif  // MIGCTL_LEASE_PROMISES_H_
