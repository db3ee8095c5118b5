// SPDX-License-Identifier: Apache-2.0
// The scheduler: grants, reservations and preemptions as a pure function of the machine, the queue
// and the time.
//
// Order: priority, then fair share (the tenant with less usage for its weight first, grants of this
// pass included), then time of arrival. In that order each request gets free instances, or a
// reservation of those that come free first. A later request may use a reserved instance only until
// the reservation begins (backfill), and may not join a shared one that an earlier request waits
// for, so that no request's earliest start is delayed.
#ifndef MIGCTL_LEASE_SCHEDULE_H_
#define MIGCTL_LEASE_SCHEDULE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/lease_values.h"
#include "model/tenants.h"

namespace mig::lease {

struct HeldBy {
  std::int64_t lease = 0;
  std::string tenant;
  std::uint32_t shared = 1;
  std::int32_t priority = 0;
  std::optional<std::int64_t> left_ms;  // until its limit; nullopt = unknown
  bool leaving = false;                 // the holder was asked to end
};

struct Seat {
  Instance instance;
  std::string busy;  // a process without a lease runs on it: "pid 41 (python)"
  std::vector<HeldBy> held;
};

struct Waiting {
  std::int64_t id = 0;  // ascending by time of arrival
  Need need;
  std::uint32_t count = 1, shared = 1;
  std::string tenant;
  std::int32_t priority = 0;
  std::optional<std::int64_t> limit_ms;
  bool create = false;
  std::optional<Instance> made;  // with create: counts against the quota
  bool preempt = false;
  std::int64_t waited_ms = 0;
};

struct TenantShare {
  std::uint32_t weight = 1;
  double used = 0;  // recent usage in slice-milliseconds, exponentially decayed
  Quota quota;
};

struct Machine {
  std::vector<Seat> seats;
  std::map<std::string, TenantShare> tenants;  // no entry: weight 1, no usage, no quota
};

struct Grant {
  std::int64_t request = 0;
  std::vector<std::string> uuids;
};

// Create `count` instances that satisfy `need` from free slices, for a request that found none.
struct Creation {
  std::int64_t request = 0;
  Need need;
  std::uint32_t count = 1;
};

// Ask the holder of this lease to end in favour of a request of higher priority.
struct Preemption {
  std::int64_t lease = 0;
  std::int64_t request = 0;
};

struct Outlook {
  std::int64_t request = 0;
  std::uint32_t position = 0;  // position in the queue, 1 = next
  std::string reason;  // what stands against it: "3g.20gb on GPU 0: 2 of 3 leases there ..."
  std::optional<std::int64_t> start_in_ms;  // earliest start; nullopt = unknown
  bool over_quota = false;  // the leases of its own tenant stand against it, by the quota
};

struct Decisions {
  std::vector<Grant> grants;
  std::vector<Outlook> waiting;  // in the order of service
  std::vector<Creation> creations;
  std::vector<Preemption> preemptions;
};

Decisions schedule(const Machine& machine, const std::vector<Waiting>& queue);

using mig::serves;
using mig::smaller;

// Which quota the additional amount would exceed, in words: "4 of 4 slices are in use"; "" = none.
struct Amount {
  std::uint64_t slices = 0, sm = 0, instances = 0, memory_mib = 0;

  void add(const Instance& instance);
};

std::string over_quota(const Quota& quota, const Amount& used, const Amount& more);

}  // namespace mig::lease

#endif  // MIGCTL_LEASE_SCHEDULE_H_
