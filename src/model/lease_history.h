// SPDX-License-Identifier: Apache-2.0
// The audit log of leases as values: events with their lease, time and user, and a filter. Plain
// values.
#ifndef MIGCTL_MODEL_LEASE_HISTORY_H_
#define MIGCTL_MODEL_LEASE_HISTORY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mig::lease {

struct Event {
  std::int64_t id = 0;     // ascending with time; never reused
  std::int64_t at_ms = 0;  // Unix time
  // Kind of event: "granted", "released", "given back", "expired", "holder ended", "asked to make
  // room", "preempted", "asked for by", "instance made", "instance reclaimed".
  std::string action;
  std::int64_t lease = 0;
  std::string tenant;
  std::uint32_t uid = 0;  // acting user: the lease's, or the one who released another's lease
  std::string instance;   // at that time: "1g.5gb on GPU 0 gi=7 ci=0 (MIG-...)"
  std::string job;        // "" = none named
};

// Filter; all members that are set must match.
struct EventFilter {
  static constexpr std::uint32_t kMostEvents = 1000;  // per response

  std::string tenant;                    // "" = any
  std::optional<std::uint32_t> uid;      // acting user
  std::optional<std::int64_t> since_ms;  // Unix time, inclusive
  std::optional<std::int64_t> until_ms;  // Unix time, exclusive
  std::optional<std::int64_t> before;    // ids below: cursor of the next page
  std::uint32_t limit = 100;             // 1 to kMostEvents
};

// A page of the audit log, newest first.
struct History {
  std::vector<Event> events;
  // Cursor `before` of the next page; nullopt: no older match.
  std::optional<std::int64_t> next;
};

}  // namespace mig::lease

#endif  // MIGCTL_MODEL_LEASE_HISTORY_H_
