// SPDX-License-Identifier: Apache-2.0
// Use cases of leases: authorisation by tenant, readings of the machine, creation on demand,
// preemption. The daemon serves its clients through a LeaseDesk; root's commands use one directly
// when no daemon runs. Both share one store (lease/lease.h).
//
// Threading: not thread-safe.
#ifndef MIGCTL_SERVICE_LEASE_DESK_H_
#define MIGCTL_SERVICE_LEASE_DESK_H_

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mig/result.h"

#include "base/clock.h"
#include "lease/lease.h"
#include "model/free_report.h"
#include "model/lease_values.h"
#include "model/tenants.h"
#include "node/node.h"
#include "service/lease_members.h"
#include "service/node_guard.h"
#include "service/reclaim.h"
#include "service/search_budget.h"
#include "service/unleased.h"

namespace mig::service {

// A client by the kernel's peer credentials, with names from the system's databases.
struct Peer {
  Identity identity;
  std::uint32_t pid = 0;
};

Peer own_peer();
// The user by the system's databases, without a process.
Peer peer_of_user(std::uint32_t uid);
Peer peer_of(std::uint32_t uid, std::uint32_t gid, std::uint32_t pid);

// User name: "alice"; the uid where the system's database has no name.
std::string user_text(std::uint32_t uid);
// Resolves a user name or uid; kNotFound when the database has no such name.
Result<std::uint32_t> uid_of(const std::string& user);

// Reads `path`, else the file of store::tenants_file(). Only the default file may be missing:
// then each user is a tenant of its own.
Result<Tenants> read_tenants(const std::string& path);
// kNotFound for a file that was named and is not there.
Error no_tenants_file(const std::string& file);

class LeaseDesk {
 public:
  // `reap_every_ms`: see lease::Settings. `age`: maximum age of the reading that a scheduling pass
  // uses; grants are always checked against a new one.
  static Result<std::unique_ptr<LeaseDesk>> open(node::Node& node,
                                                 const Tenants& tenants,
                                                 node::Age age = node::Age::fresh(),
                                                 std::int64_t reap_every_ms = 0);

  // Who does the driver's work where the desk's thread must not wait for it (a daemon). The desk
  // then decides by the last reading, and calls these; answers come by read_came() and made().
  struct Driver {
    std::function<void()> read;
    std::function<void(const lease::Creation&, const MadeFor&)> make;
    std::function<std::string()> trouble;  // why the driver does not answer; "" = it does
    // Reclaimer::look() with this limit, soon.
    std::function<void(std::optional<std::int64_t> limit_ms)> reclaim;
  };

  void use(Driver driver) { driver_ = std::move(driver); }

  // A reading of the machine, or why there is none, and when it was begun: before that moment
  // (CLOCK_MONOTONIC) nothing on the machine is missed by it.
  struct Reading {
    Result<node::Node::Snapshot> now;
    std::chrono::nanoseconds begun{0};
  };

  // Checks what was granted before it, and passes it to the next pass.
  Result<void> read_came(Reading reading);
  // The end of a creation. A step() is due.
  Result<void> made(const lease::Creation& creation, const Result<void>& done, Reading reading);
  // True when a reading at most that old is there, or when the desk reads by itself.
  bool knows(node::Age age) const;

  // When the last reading was begun.
  std::chrono::nanoseconds reading_begun() const { return inventory_begun_; }

  // What `make` is asked for, on the thread of the node.
  static Result<void> create(node::Node& node,
                             const lease::Creation& creation,
                             const MadeFor& made_for);

  // With a driver: the age that begin(), list() and queue() want.
  node::Age age() const { return age_; }

  // What became of waiting requests in whatever was called since the last call.
  struct News {
    std::vector<lease::Lease> granted;
    std::vector<std::int64_t> left;  // not granted: gone() tells why
    bool others = false;             // another process changed the queue: see standing()
  };

  News take_news();

  // The need with the slot resolved to its instance, which is created with `create`. On the thread
  // of the node; begin() takes such a need as it is.
  static Result<lease::Need> with_slot(node::Node& node,
                                       lease::Need need,
                                       bool create,
                                       const MadeFor& made_for);

  // Submits the request in the name of `peer`; granted, or waiting. The need's GPU and slot are as
  // written by the user. An admin may name another user, whose lease it is then. Errors beside
  // those of lease::Leases::submit: kPermission for a role without leases, for another user's name,
  // or a holder that is another user's process.
  Result<lease::Ticket> begin(lease::LeaseRequest request, const Peer& peer);
  // Leases the named instance for an external component at once (lease::Leases::grant_at_once);
  // kPermission for others than admins.
  Result<lease::Lease> grant_at_once(lease::LeaseRequest request,
                                     const Peer& peer,
                                     const Instance& instance,
                                     const std::string& who,
                                     const std::function<bool(const std::string& uuid)>& exists);

  // State of the request; runs a pass.
  Result<lease::Ticket> look(std::int64_t ticket);

  Result<lease::Ticket> peek(std::int64_t ticket) { return leases_.peek(ticket); }

  Result<lease::Leases::Standing> standing() { return leases_.standing(); }

  // Error for a request that is neither granted nor waiting any more.
  Error gone(std::int64_t ticket, const std::string& reason);
  // A waiting request's place and reason, without a pass; nullopt: it does not wait.
  Result<std::optional<lease::QueueEntry>> entry(std::int64_t ticket);

  Result<void> cancel(std::int64_t ticket) { return leases_.cancel(ticket); }

  // Withdraws the request of that key, which begins with its user: what it was granted is given
  // back. The request as it waited; nullopt: it did not.
  Result<std::optional<lease::QueueEntry>> withdraw(const std::string& key, const Peer& peer);

  // begin() and look() until granted or timed out (kTimeout, with the last reason). `on_wait` is
  // called when the reason changes.
  using OnWait = std::function<void(const lease::QueueEntry&)>;
  Result<std::vector<lease::Lease>> acquire(const lease::LeaseRequest& request,
                                            const Peer& peer,
                                            const OnWait& on_wait);

  // Runs a pass and its actions: instances are created, holders signalled. True: something changed.
  Result<bool> step(bool reap = true);

  // step() if requests are waiting, so that a release serves them at once. Reads nothing otherwise.
  Result<void> serve_waiting();

  // The lease as it is then: ending, where processes of it are left.
  Result<lease::Lease> release(std::int64_t lease, const Peer& peer);
  // A released lease as it is now.
  Result<lease::Lease> after_release(lease::Lease released);
  // Returns the holder with its start time.
  Result<lease::LeaseHolder> rebind(std::int64_t lease,
                                    lease::LeaseHolder holder,
                                    const Peer& peer);
  // Announces the job's process, before its exec, as the heir that keeps the lease after its
  // holder, and places it in the lease's cgroup, where one can be made (Lease::cgroup). Returns the
  // heir with its start time. kConflict: the lease is over, nothing may be started under it.
  Result<lease::LeaseHolder> bequeath(std::int64_t lease,
                                      lease::LeaseHolder heir,
                                      const Peer& peer);

  // Prepares the lease for a job that is a container: Lease::cgroup is then the one in which the
  // engine must make the container's (--cgroup-parent); "" where none can be made. kConflict: the
  // lease is over.
  Result<void> for_containers(std::int64_t lease,
                              const lease::ContainerCgroups& how,
                              const Peer& peer);

  // Ends what is left of leases that are over: SIGTERM, after the grace SIGKILL, and removes those
  // of which nothing is left. True: some were removed. Part of step().
  Result<bool> enforce();
  // enforce() until nothing of the lease is left; kTimeout when processes survive SIGKILL. For
  // callers without a daemon.
  Result<void> finish(std::int64_t lease);

  // Processes that the last enforce() found left: their end is worth a step().
  const std::vector<lease::LeaseHolder>& leaving() const { return leaving_; }

  // A tenant sees its own leases; operators and admins see all.
  Result<std::vector<lease::Lease>> list(const Peer& peer);
  // Processes on instances without a lease of their user there, read now; nullopt: the peer may not
  // see it.
  Result<std::optional<std::vector<lease::UnleasedProcess>>> unleased(const Peer& peer);

  // Called once for each of them, when it is found.
  void on_unleased(std::function<void(const lease::UnleasedProcess&)> tell) {
    tell_unleased_ = std::move(tell);
  }

  Result<std::vector<lease::QueueEntry>> queue(const Peer& peer);
  // Leaves what queue() tells the peer.
  void keep_visible(std::vector<lease::QueueEntry>& queue, const Peer& peer) const;
  // kPermission for a request that the peer may never make, whatever the machine is like. Else for
  // whom an instance would be made for it.
  Result<MadeFor> may_lease(lease::LeaseRequest request, const Peer& peer) const;
  // What is free, for everybody (model/free_report.h).
  // `queue`: everybody's requests that wait, of queue().
  Result<FreeReport> free(const Peer& peer, const std::vector<lease::QueueEntry>& queue);

  // Of everybody: how many there are beside those that a tenant sees.
  struct Totals {
    std::uint64_t leases = 0, requests = 0, tenants = 0;
  };

  Result<Totals> totals();
  // Audit events that match the filter and are visible to the peer: a tenant sees its own only,
  // whatever tenant the filter names.
  Result<lease::History> history(lease::EventFilter filter, const Peer& peer);

  Result<std::vector<TenantUse>> tenants(const Peer& peer);

  // Restricts the device nodes of an instance to its lease holders and root (service/node_guard.h),
  // kept at every change of leases and instances, and from time to time. nullopt: not any more.
  void guard_nodes(std::optional<NodeGuard> guard) { guard_ = std::move(guard); }

  // Sets the access of all nodes now.
  Result<void> keep_nodes();

  // From the next pass on; leases keep what they have.
  void set_tenants(const Tenants& tenants) { leases_.set_tenants(tenants); }

  // What the tenants file says; for others than operators and admins nullopt.
  std::optional<Tenants> site(const Peer& peer) const;

  const Tenants& tenants_file() const { return leases_.tenants(); }

  Tenant tenant_of(const Peer& peer) const { return leases_.tenants().tenant_of(peer.identity); }

  node::Node& node() { return node_; }

 private:
  LeaseDesk(node::Node& node,
            lease::Leases leases,
            std::shared_ptr<const LeaseMembers> members,
            node::Age age)
      : node_(node),
        leases_(std::move(leases)),
        reclaimer_(node_, leases_),
        members_(std::move(members)),
        age_(age),
        quiet_age_(age.any() || age.limit().count() == 0
                       ? age
                       : node::Age::at_most(std::max(age.limit(), kQuietAge))),
        unleased_(node.holder_roots()),
        unleased_at_(base::system_clock().monotonic()) {}

  // Tenant whose leases the peer may change; "" = any.
  Result<std::string> may_change(const Peer& peer) const;
  Result<const Inventory*> machine(node::Age age);
  // Whose lease it will be: the peer's, or of the user that an admin names.
  Result<Peer> owner_of(const lease::LeaseRequest& request, const Peer& peer) const;
  // Whose request it is, and that `asker` may make it and bind it so.
  Result<void> may_ask(lease::LeaseRequest& request, const Peer& owner, const Peer& asker) const;
  Result<void> complete(lease::LeaseRequest& request, const Peer& owner, const Peer& asker);

  // `owner`: whose lease it is. `asker`: who names the holder, the owner or an admin.
  Result<void> check_holder(lease::LeaseHolder& holder, const Peer& owner, const Peer& asker) const;
  static Result<void> check_process(lease::LeaseHolder& holder,
                                    const Peer& owner,
                                    const Peer& asker);
  // One look at the processes of all leases that are over (lease_end.cc).
  class EndLook;
  // With a driver, for leases that have just ended: closes their nodes and asks for a reading, by
  // which a later enforce() judges. False: none is removed here.
  Result<bool> close_endings();
  bool told_of(const lease::Leases::Ending& ending) const;
  void close_nodes_of(const std::vector<lease::Leases::Ending>& all);
  lease::Leases::Settled press(const lease::Leases::Ending& ending,
                               EndLook& look,
                               const Inventory& now,
                               bool seen);
  std::optional<lease::Leases::Settled> press_by_reading(const lease::Leases::Ending& ending,
                                                         EndLook& look);

  // Looks for processes without a lease, when a look is due, and applies the policy.
  Result<void> watch_unleased(bool idle);
  Result<void> end_late_containers();
  Result<std::vector<lease::UnleasedProcess>> find_unleased(node::Age age);

  // Result of creating instances; kLater: another writer was active.
  enum class Making { kNothing, kDone, kLater, kRefused };

  struct Made {
    Making making = Making::kNothing;
    std::int64_t request = 0;
  };

  Result<Made> carry_out(const lease::Turn& turn);
  Result<void> carry_out_once(const lease::Turn& turn);
  Result<Making> make(const lease::Creation& creation);
  Result<void> start_making(const lease::Turn& turn);
  Result<void> refuse_what_cannot_be_made();
  Result<lease::Ticket> begin_making(lease::LeaseRequest request);
  Result<void> lose(const lease::Lease& lease);
  // keep_nodes() when something `changed`, nodes came or went, or it has not been done for a while.
  Result<void> guard(bool changed);
  // step() without reclaim().
  Result<bool> pass(bool reap);
  // Destroys instances that were made for requests and are idle.
  Result<void> reclaim();
  Result<void> keep_changed_nodes();
  Result<void> check_there(const std::vector<lease::Lease>& granted);
  Result<lease::Ticket> after_turn(lease::Ticket ticket);
  Result<lease::Ticket> create_now(lease::LeaseRequest request);

  node::Node& node_;
  lease::Leases leases_;
  Reclaimer reclaimer_;
  std::chrono::nanoseconds next_reclaim_{0};  // monotonic time of the next look
  std::shared_ptr<const LeaseMembers> members_;
  std::vector<lease::LeaseHolder> leaving_;
  // Of a daemon's passes while no request waits: only destroyed instances are to be noticed then.
  static constexpr std::chrono::milliseconds kQuietAge{1000};

  node::Age age_;
  node::Age quiet_age_;
  std::optional<Driver> driver_;
  node::Node::Snapshot inventory_;  // reading of the last scheduling pass
  UnleasedWatch unleased_;
  // Of the monotonic clock: the watch's last look, and the look that unleased_seen_ is from.
  std::chrono::nanoseconds unleased_at_, unleased_seen_at_{0};
  std::optional<std::vector<lease::UnleasedProcess>> unleased_seen_;  // by the last look
  std::function<void(const lease::UnleasedProcess&)> tell_unleased_;
  std::chrono::nanoseconds inventory_begun_{0};
  // Granted since the last reading was begun, and when.
  std::vector<std::pair<lease::Lease, std::chrono::nanoseconds>> unproved_;
  mutable SearchBudget searches_;
  News news_;
  bool news_wanted_ = false;
  std::uint64_t queue_epoch_ = 0;
  std::optional<std::int64_t> making_for_;  // the driver creates for this request
  std::set<std::int64_t> now_or_never_;     // requests that wait for a creation only
  std::map<std::int64_t, Error> refused_;   // of these: what gone() tells
  std::optional<NodeGuard> guard_;
  NodeGuard::UsersOfInstances let_in_;         // to the nodes, as far as guard() knows
  std::int64_t nodes_kept_ = 0;                // of NodeGuard::nodes_changed()
  std::chrono::nanoseconds nodes_kept_at_{0};  // of the monotonic clock
  // By lease that is over: when its user could no longer open the instance's nodes.
  std::map<std::int64_t, std::chrono::nanoseconds> closed_at_;
  std::map<std::int64_t, std::string> lost_;  // by request: its instance that disappeared meanwhile
};

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_LEASE_DESK_H_
