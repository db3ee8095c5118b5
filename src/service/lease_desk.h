// SPDX-License-Identifier: Apache-2.0
// Leases as use cases: who may ask for what (tenants), the machine as it is now, instances made on
// demand, holders asked to go. The daemon serves its clients through it; root's commands use it
// directly when no daemon runs. Both work on one store (lease/lease.h).
//
// Threading: one LeaseDesk from one thread at a time.
#ifndef MIGCTL_SERVICE_LEASE_DESK_H_
#define MIGCTL_SERVICE_LEASE_DESK_H_

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

// What the kernel says of a process that asks, with names from the system's databases.
struct Peer {
  Identity identity;
  std::uint32_t pid = 0;
};

Peer own_peer();
Peer peer_of(std::uint32_t uid, std::uint32_t gid, std::uint32_t pid);

// "alice"; the number where the system's database has no name.
std::string user_text(std::uint32_t uid);
// A name or a number; kNotFound when the database has no such name.
Result<std::uint32_t> uid_of(const std::string& user);

// Of the file `path`, else where store::tenants_file() says. Only the default file may be missing: then each user is a tenant of its own.
Result<Tenants> read_tenants(const std::string& path);

class LeaseDesk {
 public:
  // `reap_every_ms`: lease::Settings.
  // `inventory_age_ms`: how old a look at the machine may be that a turn uses; what is granted is
  // always held against a new one.
  static Result<std::unique_ptr<LeaseDesk>> open(node::Node& node,
                                                 const Tenants& tenants,
                                                 std::int64_t inventory_age_ms = 0,
                                                 std::int64_t reap_every_ms = 0);

  // Enters the request in the name of `peer`; granted, or waiting. The need's GPU and slot are
  // taken as the user wrote them. Beside lease::Leases::submit: kPermission for a role that may not
  // lease, or a holder that is another user's process.
  Result<lease::Ticket> begin(lease::LeaseRequest request, const Peer& peer);
  // How it stands; takes a turn.
  Result<lease::Ticket> look(std::int64_t ticket);

  Result<lease::Ticket> peek(std::int64_t ticket) { return leases_.peek(ticket); }

  Result<lease::Leases::Standing> standing() { return leases_.standing(); }

  // Why a request is neither granted nor waiting any more.
  Error gone(std::int64_t ticket, const std::string& reason);

  Result<void> cancel(std::int64_t ticket) { return leases_.cancel(ticket); }

  // begin() and look() until it is granted or its time is over (kTimeout, with the last reason).
  // `on_wait` is called when the reason changes.
  using OnWait = std::function<void(const lease::QueueEntry&)>;
  Result<std::vector<lease::Lease>> acquire(const lease::LeaseRequest& request,
                                            const Peer& peer,
                                            const OnWait& on_wait);

  // A turn, and what it found to do: instances are made, holders signalled. True: something
  // changed.
  Result<bool> step(bool reap = true);

  Result<lease::Lease> release(std::int64_t lease, const Peer& peer);
  Result<void> rebind(std::int64_t lease, lease::LeaseHolder holder, const Peer& peer);
  Result<void> bequeath(std::int64_t lease, lease::LeaseHolder heir, const Peer& peer);
  // A tenant sees its own; operators and admins see all.
  Result<std::vector<lease::Lease>> list(const Peer& peer);
  Result<std::vector<lease::QueueEntry>> queue(const Peer& peer);
  // Of what happened to leases, what the filter wants and the peer may see: a tenant its own, also
  // when the filter names another.
  Result<lease::History> history(lease::EventFilter filter, const Peer& peer);

  Result<std::vector<TenantUse>> tenants(const Peer& peer);

  // From now on only those who lease an instance (and root) can open its device nodes
  // (service/node_guard.h), checked at every turn.
  void guard_nodes(NodeGuard guard) { guard_ = std::move(guard); }

  Tenant tenant_of(const Peer& peer) const { return leases_.tenants().tenant_of(peer.identity); }

  node::Node& node() { return node_; }

 private:
  LeaseDesk(node::Node& node, lease::Leases leases, std::int64_t inventory_age_ms)
      : node_(node), leases_(std::move(leases)), inventory_age_ms_(inventory_age_ms) {}

  // Of which tenant's leases; "" = anybody's.
  Result<std::string> may_change(const Peer& peer) const;
  Result<const Inventory*> machine(bool fresh);
  Result<void> complete(lease::LeaseRequest& request, const Peer& peer, const Tenant& tenant);

  // What became of the instances that were to be made; kLater: another writer was at work.
  enum class Making { kNothing, kDone, kLater, kRefused };

  Result<Making> carry_out(const lease::Turn& turn);
  Result<Making> make(const lease::Creation& creation);
  Result<void> guard();
  Result<void> check_there(const std::vector<lease::Lease>& granted);
  Result<lease::Ticket> after_turn(lease::Ticket ticket);
  Result<lease::Ticket> create_now(lease::LeaseRequest request);

  node::Node& node_;
  lease::Leases leases_;
  std::int64_t inventory_age_ms_;
  std::optional<Inventory> inventory_;
  std::int64_t inventory_read_ms_ = 0;
  std::optional<NodeGuard> guard_;
  std::map<std::int64_t, std::string> lost_;  // by request: the instance that went meanwhile
  // The layout and leases for which making an instance failed: not tried again until they change.
  std::string failed_creation_;
};

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_LEASE_DESK_H_
