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
#include <memory>
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
#include "model/made_instance.h"
#include "model/tenants.h"
#include "store/leases.h"

namespace mig::holders {
struct Moment;  // holders/lease_life.h
}

namespace mig::lease {

class TurnTaker;  // lease/turn.h
struct Memory;    // lease/memory.h

// Why a lease ended, in Lease::ending and the audit log: by its tenant or an operator.
inline constexpr const char* kReleased = "released";

struct Settings {
  std::string proc = base::proc_root();
  std::string cgroups = "/sys/fs/cgroup";
  base::Clock* clock = nullptr;  // nullptr: the system clock
  Tenants tenants;
  // Liveness of holders is checked in every scheduling pass or, where another component reports
  // their end (by reap(), or turn() with `reap`), only at this period.
  std::int64_t reap_every_ms = 0;
  // Requests in the queue; the limits refuse only who exceeds them, and root's tenant never. When
  // the queue is full, users who have less than their equal share of it may still wait.
  std::uint32_t most_waiting = 20'000;
  std::uint32_t most_waiting_per_tenant = 5000;
  std::uint32_t most_waiting_per_user = 1000;
  // As long as the queue is no longer, a request is told its place and its reason at once.
  std::size_t told_at_once = 64;
  // Tells whether no process of a lease that is over is left (service/lease_members.h). Where it is
  // false, the lease is kept as ending until settle() is told that they are gone; empty: a lease
  // that is over is removed at once. `covered`: its user has another live lease of the instance,
  // under which processes may run there. Called inside a transaction: it must not block.
  std::function<bool(const store::LeaseRow&, bool covered)> nothing_left = {};
  std::vector<UnleasedProcess> unleased = {};  // they count against their tenants' quotas
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

  // Leases whose jobs are to be asked to end (SIGTERM): the holder or, once it has ended, the heir.
  struct Signal {
    store::LeaseRow lease;
    std::string why;
  };

  std::vector<Signal> signals;
  std::vector<std::int64_t> left;  // requests that left the queue without a grant
};

class Leases {
 public:
  static Result<Leases> open(const std::string& path, const Settings& settings);

  // Checks the request against inventory, tenant and queue, enqueues it, and runs a scheduling pass
  // (in a long queue the next turn() does): granted or waiting. kNothingMatched: nothing on this
  // machine could ever satisfy it (the hint names what could); kPermission: the tenant's role or
  // quota never allows it; kNoCapacity: nothing is free now, and the user or its tenant has too
  // many in the queue. With wait_ms 0: kInUse, or kNoCapacity for a quota that is used up, and
  // nothing is enqueued. In a long queue `waiting` has neither place nor reason: look() tells them.
  Result<Ticket> submit(const LeaseRequest& request, const Inventory& now);
  // State of a request; runs a scheduling pass when one is due.
  Result<Ticket> look(std::int64_t ticket, const Inventory& now);
  // As look(), without a scheduling pass; `waiting` has only the position by time of arrival.
  Result<Ticket> peek(std::int64_t ticket);

  // As peek(), for all requests at once: by request id.
  struct Standing {
    std::map<std::int64_t, std::vector<Lease>> granted;
    std::set<std::int64_t> waiting;
    bool ending = false;  // there are leases that are ending
  };

  Result<Standing> standing();
  // Grants the named instance at once, past the queue: for an admin's component whose scheduler has
  // chosen the instance, often one that was made for it a moment ago (POST /v1/instances). `who`:
  // processes on it, "" = none. Idempotent by key: the lease that the key has of the instance. A
  // lease of the key on an instance that `exists` says is gone is given back. kInUse: it is leased
  // or used; kConflict: the key has another instance; kNoCapacity: the tenant's quota.
  Result<Lease> grant_at_once(const LeaseRequest& request,
                              const Instance& instance,
                              const std::string& who,
                              const std::function<bool(const std::string& uuid)>& exists);
  // Cancels the request and releases the leases that it was granted.
  Result<void> cancel(std::int64_t ticket);
  // Request of that key that waits or holds leases that are not over; nullopt: there is none.
  Result<std::optional<std::int64_t>> ticket_of(const std::string& key);
  // Appends to the reason why a request waits: the result of creating an instance.
  Result<void> explain(std::int64_t ticket, const std::string& why);

  // Instances are being created for that request (0: for none): a pass asks for no other creation,
  // and keeps what the request has already.
  void creating(std::int64_t request);
  // A creation for the need failed on a machine of that generation: passes ask for none like it
  // until the machine's layout changes, and others are not kept from making theirs.
  void cannot_make(const Need& need, std::uint64_t generation);
  // Forgets a failed creation, for a request that comes anew.
  void try_again(const Need& need);

  // Place and reason of a waiting request, without a pass; nullopt: it does not wait.
  Result<std::optional<QueueEntry>> entry(std::int64_t ticket, const Inventory& now);

  // Numbers of requests and leases, and whether some of the leases are ending.
  struct Load {
    std::size_t waiting = 0, leases = 0;
    bool ending = false;
  };

  Result<Load> load();
  // Users with live leases, without root, by the instance's uuid.
  Result<std::map<std::string, std::set<std::uint32_t>>> users();

  // Changes when another process wrote, so that its decisions about requests are not known here.
  std::uint64_t queue_epoch() const { return store_.queue_epoch(); }

  // Runs a scheduling pass: serves the queue and removes dead holders and waiters.
  Result<Turn> turn(const Inventory& now, bool reap = true);

  // Actions that passes of submit() and look() left for the caller; each is returned once.
  Turn take_pending();

  // kNotFound when there is no such lease, or it is another tenant's ("" = any tenant's).
  Result<Lease> release(std::int64_t lease, const std::string& tenant, std::uint32_t by_uid);
  // Binds a lease to another holder.
  Result<void> rebind(std::int64_t lease, const std::string& tenant, const LeaseHolder& holder);
  // Sets the heir, the process that keeps the lease after its holder ended (`run` holds the lease
  // itself and names its job; kTime: as before), and the cgroup where that process is about to be
  // placed, which `cgroup` names. kConflict when the lease is over or was asked to make room;
  // kNotFound as in release().
  Result<store::LeaseRow> announce(
      std::int64_t lease,
      const std::string& tenant,
      const LeaseHolder& heir,
      const std::function<Result<std::string>(const store::LeaseRow&)>& cgroup);

  // False for a lease that is over.
  Result<bool> is_live(std::int64_t lease);

  // A lease that is over while processes of it are left.
  struct Ending {
    store::LeaseRow lease;
    bool covered = false;       // its user has another live lease of the instance
    std::int64_t left_ms = 0;   // until SIGKILL
    std::int64_t since_ms = 0;  // so long ago it ended
  };

  Result<std::vector<Ending>> ending();

  // What was found and done about a lease that is ending.
  struct Settled {
    std::int64_t lease = 0;
    std::uint32_t processes = 0;  // 0: the lease is removed
    std::int64_t stage = 0;       // last signal sent: 0 none, 1 SIGTERM, 2 SIGKILL
  };

  // Returns the number of leases removed.
  Result<std::uint32_t> settle(const std::vector<Settled>& all);

  // Live leases and those that are ending, by GPU and instance; with `now`, leases of destroyed
  // instances are marked.
  Result<std::vector<Lease>> list(const Inventory* now);
  Result<std::vector<QueueEntry>> queue(const Inventory& now);

  // From now on these count against their tenants' quotas, and an event is written for each of
  // `news`.
  Result<void> count_unleased(std::vector<UnleasedProcess> all,
                              const std::vector<UnleasedProcess>& news);

  // Ends leases of dead holders; returns their number.
  Result<std::uint32_t> reap();

  // Events of the audit log, newest first. kUsage when the limit is not 1 to kMostEvents.
  Result<History> history(const EventFilter& filter);

  // Who asked; nullopt: the request does not wait any more.
  Result<std::optional<Caller>> caller_of(std::int64_t ticket);

  // What the requests in the queue need.
  Result<std::vector<Need>> wanted();

  // Instances made for requests, by change, and how far the journal was looked through for them.
  Result<std::vector<MadeInstance>> made();
  Result<std::int64_t> made_upto();
  Result<void> remember_made(const std::vector<MadeInstance>& made, std::int64_t upto);
  Result<void> keep_made(const MadeInstance& made);
  // The instance was granted to the lease that it was made for.
  Result<void> credit_made(const MadeInstance& made, const Lease& lease);
  // It is gone, or somebody else's now.
  Result<void> forget_made(std::int64_t change);
  // It was destroyed by that user, since nobody used it.
  Result<void> reclaimed(const MadeInstance& made, std::uint32_t by_uid);

  holders::Moment moment() const;

  const Tenants& tenants() const { return settings_.tenants; }

  // From the next pass on; leases keep what they have. A waiting request keeps its place, without
  // the rights that its tenant no longer has.
  void set_tenants(const Tenants& tenants);

 private:
  Leases(store::Leases store, Settings settings);

  Result<std::optional<Error>> no_room(const LeaseRequest& request, TurnTaker& taker);
  // `fresh` tells whether the request was not in the queue before.
  Result<std::int64_t> enter(const LeaseRequest& request, const holders::Moment& now, bool& fresh);
  Result<std::vector<Lease>> granted_to(std::int64_t request);
  static Error not_now(const LeaseRequest& request, const Outlook* outlook);
  Result<std::optional<QueueEntry>> waiting_as(std::int64_t ticket,
                                               const TurnTaker& taker,
                                               const holders::Moment& now);
  Result<Depth> depth_for(std::int64_t ticket);
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
  mutable std::string boot_id_;  // of moment()
  std::shared_ptr<Memory> memory_;
};

}  // namespace mig::lease

#endif  // MIGCTL_LEASE_LEASE_H_
