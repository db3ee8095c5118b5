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
#include <string>
#include <vector>

#include "mig/result.h"

#include "lease/lease.h"
#include "model/lease_values.h"
#include "model/tenants.h"
#include "node/node.h"
#include "service/node_guard.h"

namespace mig::service {

// A client by the kernel's peer credentials, with names from the system's databases.
struct Peer {
  Identity identity;
  std::uint32_t pid = 0;
};

Peer own_peer();
Peer peer_of(std::uint32_t uid, std::uint32_t gid, std::uint32_t pid);

// User name: "alice"; the uid where the system's database has no name.
std::string user_text(std::uint32_t uid);
// Resolves a user name or uid; kNotFound when the database has no such name.
Result<std::uint32_t> uid_of(const std::string& user);

// Reads `path`, else the file of store::tenants_file(). Only the default file may be missing:
// then each user is a tenant of its own.
Result<Tenants> read_tenants(const std::string& path);

class LeaseDesk {
 public:
  // `reap_every_ms`: see lease::Settings. `age`: maximum age of the reading that a scheduling pass
  // uses; grants are always checked against a new one.
  static Result<std::unique_ptr<LeaseDesk>> open(node::Node& node,
                                                 const Tenants& tenants,
                                                 node::Age age = node::Age::fresh(),
                                                 std::int64_t reap_every_ms = 0);

  // Submits the request in the name of `peer`; granted, or waiting. The need's GPU and slot are as
  // written by the user. Errors beside those of lease::Leases::submit: kPermission for a role
  // without leases, or a holder that is another user's process.
  Result<lease::Ticket> begin(lease::LeaseRequest request, const Peer& peer);
  // State of the request; runs a pass.
  Result<lease::Ticket> look(std::int64_t ticket);

  Result<lease::Ticket> peek(std::int64_t ticket) { return leases_.peek(ticket); }

  Result<lease::Leases::Standing> standing() { return leases_.standing(); }

  // Error for a request that is neither granted nor waiting any more.
  Error gone(std::int64_t ticket, const std::string& reason);

  Result<void> cancel(std::int64_t ticket) { return leases_.cancel(ticket); }

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

  Result<lease::Lease> release(std::int64_t lease, const Peer& peer);
  Result<void> rebind(std::int64_t lease, lease::LeaseHolder holder, const Peer& peer);
  Result<void> bequeath(std::int64_t lease, lease::LeaseHolder heir, const Peer& peer);
  // A tenant sees its own leases; operators and admins see all.
  Result<std::vector<lease::Lease>> list(const Peer& peer);
  Result<std::vector<lease::QueueEntry>> queue(const Peer& peer);
  // Audit events that match the filter and are visible to the peer: a tenant sees its own only,
  // whatever tenant the filter names.
  Result<lease::History> history(lease::EventFilter filter, const Peer& peer);

  Result<std::vector<TenantUse>> tenants(const Peer& peer);

  // Restricts the device nodes of an instance to its lease holders and root (service/node_guard.h),
  // enforced at every pass.
  void guard_nodes(NodeGuard guard) { guard_ = std::move(guard); }

  Tenant tenant_of(const Peer& peer) const { return leases_.tenants().tenant_of(peer.identity); }

  node::Node& node() { return node_; }

 private:
  LeaseDesk(node::Node& node, lease::Leases leases, node::Age age)
      : node_(node),
        leases_(std::move(leases)),
        age_(age),
        quiet_age_(age.any() || age.limit().count() == 0
                       ? age
                       : node::Age::at_most(std::max(age.limit(), kQuietAge))) {}

  // Tenant whose leases the peer may change; "" = any.
  Result<std::string> may_change(const Peer& peer) const;
  Result<const Inventory*> machine(node::Age age);
  Result<void> complete(lease::LeaseRequest& request, const Peer& peer, const Tenant& tenant);

  // Result of creating instances; kLater: another writer was active.
  enum class Making { kNothing, kDone, kLater, kRefused };

  Result<Making> carry_out(const lease::Turn& turn);
  Result<Making> make(const lease::Creation& creation);
  Result<void> guard();
  Result<void> check_there(const std::vector<lease::Lease>& granted);
  Result<lease::Ticket> after_turn(lease::Ticket ticket);
  Result<lease::Ticket> create_now(lease::LeaseRequest request);

  node::Node& node_;
  lease::Leases leases_;
  // Of a daemon's passes while no request waits: only destroyed instances are to be noticed then.
  static constexpr std::chrono::milliseconds kQuietAge{1000};

  node::Age age_;
  node::Age quiet_age_;
  node::Node::Snapshot inventory_;  // reading of the last scheduling pass
  std::optional<NodeGuard> guard_;
  std::map<std::int64_t, std::string> lost_;  // by request: its instance that disappeared meanwhile
  // Fingerprint of layout and leases at a failed creation: no retry until they change.
  std::string failed_creation_;
};

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_LEASE_DESK_H_
