// SPDX-License-Identifier: Apache-2.0
// Leases of instances, and the queue of requests. All state is in one SQLite file, so that leases
// survive a restart of the daemon, and of the machine as far as their holders do; every operation
// is one transaction, so hundreds of processes may use the file concurrently without a double
// grant.
//
// A request is enqueued, and every process that uses the store runs a scheduling pass (a "turn"):
// dead holders are removed, and the queue is served in order (lease/schedule.h). So the daemon, a
// command of root's, or both may be at work.
//
// Threading: not thread-safe; safe with any number of other processes.
//
//   MIG_ASSIGN_OR_RETURN(Leases leases, Leases::open(path, {}));
//   MIG_ASSIGN_OR_RETURN(Ticket ticket, leases.submit(request, inventory));
//   if (!ticket.granted.empty()) ... use ticket.granted[0].instance.uuid
#ifndef MIGCTL_LEASE_LEASE_H_
#define MIGCTL_LEASE_LEASE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "base/clock.h"
#include "base/proc_root.h"
#include "lease/schedule.h"
#include "model/lease_history.h"
#include "model/lease_values.h"
#include "model/tenants.h"
#include "store/leases.h"

namespace mig::holders {
struct Moment;  // holders/lease_life.h
}

namespace mig::lease {

class TurnTaker;  // lease/turn.h

struct Settings {
  std::string proc = base::proc_root();
  std::string cgroups = "/sys/fs/cgroup";
  base::Clock* clock = nullptr;  // nullptr: the system clock
  Tenants tenants;
  // Liveness of holders is checked in every scheduling pass or, where another component reports
  // their end (by reap(), or turn() with `reap`), only at this period.
  std::int64_t reap_every_ms = 0;
  std::uint32_t most_waiting = 1000;  // requests in the queue
  std::uint32_t most_waiting_per_tenant = 200;
};

// State of a request.
struct Ticket {
  std::int64_t id = 0;
  std::vector<Lease> granted;         // not empty: granted
  std::optional<QueueEntry> waiting;  // still in the queue
  // Both empty: the request timed out or was cancelled.
};

// Actions of a scheduling pass outside of the store, for the caller to carry out.
struct Turn {
  std::uint32_t ended = 0;
  std::vector<Lease> granted;
  std::vector<Creation> creations;  // instances to create from free slices

  // Holders to signal: SIGTERM when `kill` is false, SIGKILL when the grace period is over.
  struct Signal {
    std::int64_t lease = 0;
    LeaseHolder holder;
    LeaseHolder heir;  // signalled instead once the holder has ended
    bool kill = false;
    std::string why;
  };

  std::vector<Signal> signals;
};

class Leases {
 public:
  static Result<Leases> open(const std::string& path, const Settings& settings);

  // Checks the request against inventory, tenant and queue, enqueues it, and runs a scheduling
  // pass: granted at once or waiting. kNothingMatched: nothing on this machine could ever satisfy
  // it (the hint names what could); kPermission: the tenant's role or quota never allows it;
  // kNoCapacity: the queue is full. With wait_ms 0: kInUse, or kNoCapacity for a quota that is used
  // up, and nothing is enqueued.
  Result<Ticket> submit(const LeaseRequest& request, const Inventory& now);
  // State of a request; runs a scheduling pass when one is due.
  Result<Ticket> look(std::int64_t ticket, const Inventory& now);
  // As look(), without a scheduling pass; `waiting` has only the position by time of arrival.
  Result<Ticket> peek(std::int64_t ticket);

  // As peek(), for all requests at once: by request id.
  struct Standing {
    std::map<std::int64_t, std::vector<Lease>> granted;
    std::set<std::int64_t> waiting;
  };

  Result<Standing> standing();
  // Cancels the request and releases the leases that it was granted.
  Result<void> cancel(std::int64_t ticket);
  // Appends to the reason why a request waits: the result of creating an instance.
  Result<void> explain(std::int64_t ticket, const std::string& why);

  // Runs a scheduling pass: serves the queue and removes dead holders and waiters.
  Result<Turn> turn(const Inventory& now, bool reap = true);

  // Actions that passes of submit() and look() left for the caller; each is returned once.
  Turn take_pending();

  // kNotFound when there is no such lease, or it is another tenant's ("" = any tenant's).
  Result<Lease> release(std::int64_t lease, const std::string& tenant, std::uint32_t by_uid);
  // Binds a lease to another holder.
  Result<void> rebind(std::int64_t lease, const std::string& tenant, const LeaseHolder& holder);
  // Sets the heir: the process that keeps the lease after its holder ended. `run` holds the lease
  // itself and names its job as heir.
  Result<void> bequeath(std::int64_t lease, const std::string& tenant, const LeaseHolder& heir);

  // Live leases by GPU and instance; with `now`, leases of destroyed instances are marked.
  Result<std::vector<Lease>> list(const Inventory* now);
  Result<std::vector<QueueEntry>> queue(const Inventory& now);

  // Ends leases of dead holders; returns their number.
  Result<std::uint32_t> reap();

  // Events of the audit log, newest first. kUsage when the limit is not 1 to kMostEvents.
  Result<History> history(const EventFilter& filter);

  const Tenants& tenants() const { return settings_.tenants; }

 private:
  Leases(store::Leases store, Settings settings);

  holders::Moment moment() const;
  Result<void> check_room(const LeaseRequest& request, TurnTaker& taker);
  Result<std::int64_t> enter(const LeaseRequest& request,
                             TurnTaker& taker,
                             const holders::Moment& now);
  Result<std::vector<Lease>> granted_to(std::int64_t request);
  static Error not_now(const LeaseRequest& request, const Outlook* outlook);
  static std::optional<QueueEntry> waiting_as(std::int64_t ticket,
                                              const TurnTaker& taker,
                                              const holders::Moment& now);
  Result<void> change_holder(std::int64_t lease,
                             const std::string& tenant,
                             const std::function<Result<void>(store::LeaseRow&)>& change);
  Result<void> commit(const TurnTaker& taker, const std::function<Result<void>()>& body);
  bool reap_now(const holders::Moment& now);
  void remember(const Turn& turn);

  store::Leases store_;
  Settings settings_;
  Turn pending_;
  std::int64_t reaped_boot_ms_ = -1;
  std::map<std::string, std::string> units_;  // cache of units' cgroups
};

}  // namespace mig::lease

#endif  // MIGCTL_LEASE_LEASE_H_
