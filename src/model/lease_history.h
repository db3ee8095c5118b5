// SPDX-License-Identifier: Apache-2.0
// The audit of leases as values: what happened to which lease, when, by whom, and which of it
// somebody wants to read. Plain values.
#ifndef MIGCTL_MODEL_LEASE_HISTORY_H_
#define MIGCTL_MODEL_LEASE_HISTORY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mig::lease {

struct Event {
  std::int64_t id = 0;     // grows with time; never used again
  std::int64_t at_ms = 0;  // Unix time
  // "granted", "released", "given back", "expired", "holder ended", "asked to make room",
  // "preempted".
  std::string action;
  std::int64_t lease = 0;
  std::string tenant;
  std::uint32_t uid = 0;  // who did it: the lease's user, or who released somebody else's
  std::string instance;   // as it was then: "1g.5gb on GPU 0 gi=7 ci=0 (MIG-...)"
  std::string job;        // "" = none was named
};

// Every member that is set must hold.
struct EventFilter {
  static constexpr std::uint32_t kMostEvents = 1000;  // of one answer

  std::string tenant;                    // "" = any
  std::optional<std::uint32_t> uid;      // who did it
  std::optional<std::int64_t> since_ms;  // Unix time, at or after
  std::optional<std::int64_t> before;    // ids below: the next page of an answer
  std::uint32_t limit = 100;             // 1 to kMostEvents
};

// A page of the audit, newest first.
struct History {
  std::vector<Event> events;
  // `before` of the page that follows; none: nothing older matches.
  std::optional<std::int64_t> next;
};

}  // namespace mig::lease

#endif  // MIGCTL_MODEL_LEASE_HISTORY_H_
