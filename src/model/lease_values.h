// SPDX-License-Identifier: Apache-2.0
// Leases as values: requests, grants, and positions in the queue. Shared by the rooms that decide
// (lease/), encode (wire/) and enforce (service/). Plain values.
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

// Holder of a lease, whose end ends the lease. A process is identified by pid and start time (pid
// reuse); a unit by its cgroup; kTime ends with the limit only and survives a reboot. kExternal: a
// component outside of this machine's processes keeps it (Kubernetes, for a claim): it ends by
// release only, survives restarts and reboots, and its processes are not ours to end.
struct LeaseHolder {
  // The values are stored in records.
  enum class Kind : std::int64_t { kProcess = 0, kUnit = 1, kTime = 2, kExternal = 3 };

  Kind kind = Kind::kTime;
  std::uint32_t pid = 0;
  std::uint64_t start_ticks = 0;
  std::string unit;  // systemd unit: "jupyter.service"; kExternal: the component's key for it
  // The unit's cgroup, which is what holds (holders/unit.h); "" in records of before it was kept.
  std::string cgroup = {};
  std::uint64_t cgroup_inode = 0;

  static LeaseHolder process(std::uint32_t pid, std::uint64_t start_ticks) {
    return {Kind::kProcess, pid, start_ticks, {}};
  }

  static LeaseHolder of_unit(std::string name) { return {Kind::kUnit, 0, 0, std::move(name)}; }

  static LeaseHolder time() { return {}; }

  // `key`: what the component calls the lease, so that it finds it again.
  static LeaseHolder external(std::string key) { return {Kind::kExternal, 0, 0, std::move(key)}; }

  bool is_external() const { return kind == Kind::kExternal; }

  // True when neither a reboot nor the end of a process ends it: its record must survive a power
  // cut.
  bool lasts() const { return kind == Kind::kTime || kind == Kind::kExternal; }

  // For messages: "pid 4121", "unit jupyter.service", "its time limit", "external".
  std::string str() const;
  friend bool operator==(const LeaseHolder&, const LeaseHolder&) = default;
};

// How a container engine makes the cgroups of its containers.
struct ContainerCgroups {
  bool systemd = false;  // by systemd, as scopes in a slice; else as folders (cgroupfs)
  bool of_user = false;  // by the user's own systemd (a rootless engine), not the system's
  friend bool operator==(const ContainerCgroups&, const ContainerCgroups&) = default;
};

// The client of a request, from the kernel's peer credentials (SO_PEERCRED), never from its own
// claims.
struct Caller {
  std::uint32_t uid = 0;
  std::string user;                          // "alice"; "" = the uid has no name
  std::string tenant;                        // "" = determined by the tenants file
  std::optional<std::uint32_t> by_uid = {};  // the admin who asked for this user
};

struct LeaseRequest {
  Need need;
  std::uint32_t count = 1;   // number of instances, all at once or none
  bool every = false;        // instead of `count`: all instances that satisfy the need now
  std::uint32_t shared = 1;  // 1: exclusive; n: shared with at most n - 1 others who requested n
  LeaseHolder holder;
  LeaseHolder waiter;                    // process that waits for the grant; other kinds: none
  std::optional<std::int64_t> limit_ms;  // maximum duration
  Caller caller;
  std::string user;                // of an admin: lease for this user, by name or uid; "" = itself
  std::string job;                 // job name for display
  std::int32_t priority = 0;       // -100..100, higher first
  std::int64_t wait_ms = 0;        // 0: do not wait
  bool create = false;             // create missing instances from free slices
  bool preempt = false;            // preempt leases of lower priority
  bool stoppable = false;          // the holder is a job and may be signalled on preemption
  bool background = false;         // the waiter outlives its login session
  std::int64_t grace_ms = 30'000;  // grace period for that
  // At the end of the lease: time between SIGTERM and SIGKILL for processes that it leaves behind.
  std::int64_t end_grace_ms = 10'000;
  // Processes that outlive the holder keep the lease, until they end or its limit is over.
  bool linger = false;
  // Idempotency key chosen by the caller: the same key means the same request (a retry after a
  // restart of the daemon keeps its place in the queue). "" = none.
  std::string key;
};

struct Lease {
  std::int64_t id = 0;
  std::int64_t request = 0;  // id of the request; its leases share it
  Instance instance;
  std::uint32_t shared = 1;
  LeaseHolder holder;
  LeaseHolder heir;  // keeps the lease after the holder: the job itself; kTime: none
  bool stoppable = false;
  std::uint32_t uid = 0;
  std::string tenant, job;
  std::int32_t priority = 0;
  std::int64_t granted_ms = 0;            // Unix time
  std::optional<std::int64_t> limit_ms;   // measured from then
  std::optional<std::int64_t> left_ms;    // of the limit, when read
  std::optional<std::int64_t> notice_ms;  // preempted: so much of the grace period is left
  bool vanished = false;                  // the instance no longer exists
  std::string cgroup;                     // path of the cgroup of its processes; "" = none
  bool linger = false;                    // the cgroup's processes keep it after the holder
  std::int64_t end_grace_ms = 10'000;     // from SIGTERM to SIGKILL, at its end
  // The lease is over for this reason ("expired"), and kept until its processes are gone; "" =
  // live.
  std::string ending;
  std::uint32_t processes = 0;  // of a lease that is ending: left when last looked at
};

struct QueueEntry {
  std::int64_t id = 0;
  std::uint32_t position = 0;  // in the queue, 1 = next
  Need need;
  std::uint32_t count = 1, shared = 1;
  std::uint32_t uid = 0;
  std::string tenant, job;
  std::int32_t priority = 0;
  std::int64_t since_ms = 0;  // Unix time
  std::optional<std::int64_t> gives_up_in_ms;
  std::string reason;                       // "waits for 3g.20gb on GPU 0: ..."
  std::optional<std::int64_t> forecast_ms;  // expected wait from now; nullopt = unknown
};

// A process on an instance without a lease of its user there.
struct UnleasedProcess {
  std::uint32_t pid = 0;
  std::uint64_t start_ticks = 0;
  std::uint32_t uid = 0;
  std::string tenant;
  std::string command;  // its comm, with control characters replaced
  Instance instance;
};

}  // namespace mig::lease

#endif  // MIGCTL_MODEL_LEASE_VALUES_H_
