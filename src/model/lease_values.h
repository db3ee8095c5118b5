// SPDX-License-Identifier: Apache-2.0
// Leases as values: what somebody asks for, what he got, and where he stands while he waits. Shared
// by the rooms that decide (lease/), encode (wire/) and enforce (service/). Plain values.
//
//   lease::LeaseRequest request;
//   request.need.profile = *ProfileName::parse("2g.10gb");
//   request.holder = lease::LeaseHolder::process(pid, start_ticks);
#ifndef MIGCTL_MODEL_LEASE_VALUES_H_
#define MIGCTL_MODEL_LEASE_VALUES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/instance.h"

namespace mig::lease {

using mig::Instance;
using mig::Need;

// What a lease lasts with. A process is named by pid and start, so that a number used again is
// another one; a unit by its cgroup; kTime ends with the limit only and outlives a restart of the
// machine.
struct LeaseHolder {
  // Numbers as recorded.
  enum class Kind : std::int64_t { kProcess = 0, kUnit = 1, kTime = 2 };

  Kind kind = Kind::kTime;
  std::uint32_t pid = 0;
  std::uint64_t start_ticks = 0;
  std::string unit;  // "jupyter.service"

  static LeaseHolder process(std::uint32_t pid, std::uint64_t start_ticks) {
    return {Kind::kProcess, pid, start_ticks, {}};
  }

  static LeaseHolder of_unit(std::string name) { return {Kind::kUnit, 0, 0, std::move(name)}; }

  static LeaseHolder time() { return {}; }

  std::string str() const;  // "pid 4121", "unit jupyter.service", "its time limit"
  friend bool operator==(const LeaseHolder&, const LeaseHolder&) = default;
};

// Who asks. Filled from the kernel's word (SO_PEERCRED), never from what the caller says of itself.
struct Caller {
  std::uint32_t uid = 0;
  std::string user;    // "alice"; "" = the uid has no name
  std::string tenant;  // "" = decided by the tenants file
};

struct LeaseRequest {
  Need need;
  std::uint32_t count = 1;   // so many instances at once, or none
  bool every = false;        // in place of `count`: all that serve, as many as there are now
  std::uint32_t shared = 1;  // 1: for itself; n: with at most n - 1 others who asked for n
  LeaseHolder holder;
  LeaseHolder waiter;                    // the process that waits for the answer; others: nobody
  std::optional<std::int64_t> limit_ms;  // ends then at the latest
  Caller caller;
  std::string job;                 // a name for people
  std::int32_t priority = 0;       // -100..100, higher first
  std::int64_t wait_ms = 0;        // 0: now or not at all
  bool create = false;             // make what is missing from free slices
  bool preempt = false;            // ask lower priorities to go
  bool stoppable = false;          // the holder is the job itself and may be signalled to go
  std::int64_t grace_ms = 30'000;  // that they get for it
  // Of the caller's making: the same key again is the same request (a retry after the daemon
  // restarted keeps its place in the queue). "" = none.
  std::string key;
};

struct Lease {
  std::int64_t id = 0;
  std::int64_t request = 0;  // leases of one request share it
  Instance instance;
  std::uint32_t shared = 1;
  LeaseHolder holder;
  LeaseHolder heir;  // a process that keeps it when the holder is gone: the job itself; kTime: none
  bool stoppable = false;
  std::uint32_t uid = 0;
  std::string tenant, job;
  std::int32_t priority = 0;
  std::int64_t granted_ms = 0;            // Unix time
  std::optional<std::int64_t> limit_ms;   // from then on
  std::optional<std::int64_t> left_ms;    // of the limit, when read
  std::optional<std::int64_t> notice_ms;  // asked to go (preemption): so much of the grace is left
  bool vanished = false;                  // the instance is not there any more
};

struct QueueEntry {
  std::int64_t id = 0;
  std::uint32_t position = 0;  // 1 = next
  Need need;
  std::uint32_t count = 1, shared = 1;
  std::uint32_t uid = 0;
  std::string tenant, job;
  std::int32_t priority = 0;
  std::int64_t since_ms = 0;  // Unix time
  std::optional<std::int64_t> gives_up_in_ms;
  std::string reason;                       // "waits for 3g.20gb on GPU 0: ..."
  std::optional<std::int64_t> forecast_ms;  // from now; nullopt = cannot be told
};

}  // namespace mig::lease

#endif  // MIGCTL_MODEL_LEASE_VALUES_H_
