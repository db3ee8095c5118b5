// SPDX-License-Identifier: Apache-2.0
// The scheduler: grants, reservations and preemptions as a pure function of the machine, the queue
// and the time.
//
// Order: priority, then fair share (the tenant with less usage for its weight first, within it the
// user with less usage; grants of this pass included), then time of arrival. In that order each
// request gets free instances, or a reservation of those that come free first. A later request may
// use a reserved instance only until the reservation begins (backfill), and may not join a shared
// one that an earlier request waits for, so that no request's earliest start is delayed.
//
// A lease without a limit has an assumed end, for planning only: the reservation that rests on it
// lets jobs pass that end before. What rests on limits alone is reserved beside it, and never
// delayed. A request for instances that do not exist and cannot be made now reserves nothing.
#ifndef MIGCTL_LEASE_SCHEDULE_H_
#define MIGCTL_LEASE_SCHEDULE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
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
  std::uint32_t uid = 0;
  // Without a limit: until its assumed end; nullopt = nothing is assumed.
  std::optional<std::int64_t> assumed_ms;
};

struct Seat {
  Instance instance;
  std::string busy;  // a process without a lease runs on it: "pid 41 (python)"
  std::vector<HeldBy> held;
  // Tenants and users with processes on it without a lease: it counts against their quotas.
  std::vector<std::pair<std::string, std::uint32_t>> unleased;
};

// Assumed length of a request or lease without a limit, where the site says nothing else.
inline constexpr std::int64_t kAssumedMs = 3'600'000;

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
  std::uint32_t uid = 0;
  bool makeable = true;  // with create: nothing is known that stands against making it now
  std::int64_t assumed_ms = kAssumedMs;  // its length, where it has no limit
};

// Use of a tenant, recent usage in slice-milliseconds, exponentially decayed.
struct TenantShare {
  std::uint32_t weight = 1;
  double used = 0;
  Quota quota;
  Quota per_user;                           // of the leases of one user of the tenant
  std::map<std::uint32_t, double> used_by;  // of its users
  // How long leases of its users last, by those that ended of late (milliseconds); no entry: not
  // known, their limit counts.
  std::map<std::uint32_t, double> lasts_by = {};
};

struct Machine {
  std::vector<Seat> seats;
  // By the tenant that counts (Tenants::counted_as()); no entry: weight 1, no usage, no quota.
  std::map<std::string, TenantShare> tenants;
  std::int64_t creating_for = 0;  // instances are being created for that request; 0 = for none
  // Assumed until a process without a lease leaves its instance; nullopt = nothing is assumed.
  std::optional<std::int64_t> busy_ms;
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

class Queue;  // lease/order.h

// How much a pass tells. `all`: every request that waits, in order. Otherwise grants, creations and
// preemptions only, and the pass ends as soon as nobody can be served any more: its cost does not
// grow with requests that are alike. `tell`: in that case, the outlook of this request too.
struct Depth {
  bool all = true;
  std::int64_t tell = 0;
};

Decisions schedule(const Machine& machine, const Queue& queue, const Depth& depth);
Decisions schedule(const Machine& machine, const std::vector<Waiting>& queue);

using mig::serves;
using mig::smaller;

// Which quota the additional amount would exceed, in words that begin with `whose`: "the tenant's
// quota: 4 of 4 slices are in use and it needs 1"; "" = none.
struct Amount {
  std::uint64_t slices = 0, sm = 0, instances = 0, memory_mib = 0;

  void add(const Instance& instance);
};

std::string over_quota(const Quota& quota,
                       const Amount& used,
                       const Amount& more,
                       const std::string& whose = "the tenant's quota");

}  // namespace mig::lease

#endif  // MIGCTL_LEASE_SCHEDULE_H_
