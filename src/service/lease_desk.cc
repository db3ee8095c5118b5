// SPDX-License-Identifier: Apache-2.0
#include "service/lease_desk.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/proc_root.h"
#include "base/strings.h"
#include "holders/caller.h"
#include "holders/lease_life.h"
#include "holders/process_facts.h"
#include "holders/unit.h"
#include "lease/admission.h"
#include "model/gpu_word.h"
#include "service/create_now.h"
#include "service/lease_creation.h"

namespace mig::service {
namespace {

using lease::LeaseHolder;

constexpr const char* kCgroupRoot = "/sys/fs/cgroup";

bool sees_all(const Tenant& tenant) {
  return tenant.role >= Role::kOperator;
}

// Resolves the GPU as written by the user (index, UUID or PCI bus id) to index and UUID.
Result<void> find_gpu_of(lease::Need& need, const Inventory& now) {
  if (need.gpu_uuid.empty()) {
    return {};
  }
  const std::string word = need.gpu_uuid;
  const Gpu* found = GpuWord(word).find(now);
  if (found == nullptr) {
    return fail(ErrorCode::kNothingMatched,
                fmt::format("there is no GPU {}", base::quoted(word)),
                fmt::format("there {}; migctl list shows them",
                            now.gpus.size() == 1
                                ? std::string("is GPU 0 only")
                                : fmt::format("are {}", base::counted(now.gpus.size(), "GPU"))));
  }
  need.gpu_uuid = found->uuid;
  need.gpu = found->index;
  return {};
}

std::string name_of_user(const Peer& peer) {
  return peer.identity.user.empty() ? std::to_string(peer.identity.uid) : peer.identity.user;
}

Result<holders::UnitCgroup> find_for(std::uint32_t uid,
                                     const std::string& unit,
                                     const Peer& asker,
                                     SearchBudget& budget) {
  if (auto usual = holders::unit_at_usual_place(kCgroupRoot, unit, uid)) {
    return *std::move(usual);
  }
  const auto begun = base::system_clock().monotonic();
  MIG_TRY(budget.may_search(asker.identity.uid, begun));
  auto found = holders::find_unit(kCgroupRoot, unit, uid);
  const auto now = base::system_clock().monotonic();
  budget.took(asker.identity.uid, now, now - begun);
  return found;
}

// Binds the holder to the cgroup of the owner's unit, or of the asker's: another user's unit that
// never ends would keep the lease for ever.
Result<void> bind_unit(LeaseHolder& holder,
                       const Peer& owner,
                       const Peer& asker,
                       SearchBudget& budget) {
  auto unit = find_for(owner.identity.uid, holder.unit, asker, budget);
  if (!unit && asker.identity.uid != owner.identity.uid) {
    unit = find_for(asker.identity.uid, holder.unit, asker, budget);
  }
  MIG_TRY(unit);
  holder.cgroup = unit->path;
  holder.cgroup_inode = unit->inode;
  return {};
}

}  // namespace

Result<void> LeaseDesk::check_holder(LeaseHolder& holder,
                                     const Peer& owner,
                                     const Peer& asker) const {
  if (holder.kind == LeaseHolder::Kind::kUnit) {
    return bind_unit(holder, owner, asker, searches_);
  }
  if (holder.kind != LeaseHolder::Kind::kProcess) {
    return {};
  }
  // 0: the program that calls.
  MIG_ASSIGN_OR_RETURN(
      holder.pid,
      holder.pid == 0 ? holders::calling_program(base::proc_root(), asker.pid, asker.identity.uid)
                      : holders::pid_as_seen_by(base::proc_root(), asker.pid, holder.pid));
  return check_process(holder, owner, asker);
}

// The process, by our own number.
Result<void> LeaseDesk::check_process(LeaseHolder& holder, const Peer& owner, const Peer& asker) {
  const holders::ProcessFacts facts = holders::read_process(base::proc_root(), holder.pid);
  if (facts.start_ticks == 0 ||
      (holder.start_ticks != 0 && holder.start_ticks != facts.start_ticks)) {
    return fail(ErrorCode::kNotFound,
                fmt::format("there is no process {} to bind the lease to", holder.pid),
                "it may have ended meanwhile");
  }
  if (asker.identity.uid != 0 && facts.uid != asker.identity.uid &&
      facts.uid != owner.identity.uid) {
    return fail(ErrorCode::kPermission,
                fmt::format("process {} is not yours, so no lease of yours can be bound to it",
                            holder.pid));
  }
  holder.start_ticks = facts.start_ticks;
  return {};
}

Result<std::unique_ptr<LeaseDesk>> LeaseDesk::open(node::Node& node,
                                                   const Tenants& tenants,
                                                   node::Age age,
                                                   std::int64_t reap_every_ms) {
  lease::Settings settings;
  settings.tenants = tenants;
  settings.reap_every_ms = reap_every_ms;
  const auto members = std::make_shared<const LeaseMembers>(
      LeaseCgroups(node.places().machine(), {}), node.holder_roots());
  settings.nothing_left = [members](const store::LeaseRow& lease, bool covered) {
    const bool gone = members->surely_gone(lease, covered);
    if (gone) {
      LeaseCgroups::remove(lease.cgroup);
    }
    return gone;
  };
  MIG_ASSIGN_OR_RETURN(lease::Leases leases, lease::Leases::open(node.places().leases(), settings));
  return std::unique_ptr<LeaseDesk>(new LeaseDesk(node, std::move(leases), members, age));
}

Result<Peer> LeaseDesk::owner_of(const lease::LeaseRequest& request, const Peer& peer) const {
  if (request.user.empty()) {
    return peer;
  }
  MIG_ASSIGN_OR_RETURN(const std::uint32_t uid, uid_of(request.user));
  if (uid == peer.identity.uid) {
    return peer;
  }
  // What root holds and may is root's alone.
  if (tenant_of(peer).role < Role::kAdmin || uid == 0) {
    return fail(ErrorCode::kPermission,
                fmt::format("user {} may not lease for user {}: only {} may",
                            name_of_user(peer),
                            base::quoted(request.user),
                            uid == 0 ? "root itself" : "an admin"),
                "leave --user out, or ask an admin");
  }
  return peer_of_user(uid);
}

Result<void> LeaseDesk::may_ask(lease::LeaseRequest& request,
                                const Peer& owner,
                                const Peer& asker) const {
  const Tenant tenant = tenant_of(owner);
  if (tenant.role < Role::kUser) {
    return fail(ErrorCode::kPermission,
                fmt::format("user {} may not lease: its role in tenant {} is {}",
                            name_of_user(owner),
                            tenant.name,
                            name_of(tenant.role)),
                "an admin gives roles in /etc/migctl/tenants.yaml");
  }
  if (request.holder.is_external() && tenant_of(asker).role < Role::kAdmin) {
    return fail(ErrorCode::kPermission,
                fmt::format("user {} may not lease for an external component: only an admin may",
                            name_of_user(asker)),
                "such a lease ends by release only");
  }
  request.caller = {owner.identity.uid, owner.identity.user, tenant.name};
  if (owner.identity.uid != asker.identity.uid) {
    request.caller.by_uid = asker.identity.uid;
    request.stoppable = false;  // the process is none that we started for the user
  }
  MIG_TRY(lease::check_rights(request, tenant, leases_.tenants()));
  MIG_TRY(check_holder(request.holder, owner, asker));
  if (request.waiter.kind == LeaseHolder::Kind::kProcess) {
    MIG_TRY(check_process(request.waiter, asker, asker));
  }
  return {};
}

Result<MadeFor> LeaseDesk::may_lease(lease::LeaseRequest request, const Peer& peer) const {
  MIG_ASSIGN_OR_RETURN(const Peer owner, owner_of(request, peer));
  MIG_TRY(may_ask(request, owner, peer));
  return MadeFor{request.caller.uid, request.caller.tenant, 0, 0};
}

Result<void> LeaseDesk::complete(lease::LeaseRequest& request,
                                 const Peer& owner,
                                 const Peer& asker) {
  MIG_TRY(may_ask(request, owner, asker));
  MIG_ASSIGN_OR_RETURN(const Inventory* now, machine(age_));
  MIG_TRY(find_gpu_of(request.need, *now));
  if (!request.need.slot.empty() && request.need.uuid.empty()) {
    MIG_ASSIGN_OR_RETURN(
        const node::SlotView slot,
        request.create
            ? make_slot(node_, request.need.slot, {request.caller.uid, request.caller.tenant, 0, 0})
            : node_.resolve_slot(request.need.slot));
    request.need.uuid = slot.uuid;
    if (request.create) {
      request.create = false;  // the instance exists, and no other would do
      MIG_ASSIGN_OR_RETURN(now, machine(node::Age::fresh()));
    }
  }
  if (request.every) {
    request.count = std::max(1U, lease::count_that_serve(*now, request.need));
  }
  return {};
}

Result<lease::Lease> LeaseDesk::release(std::int64_t lease, const Peer& peer) {
  MIG_ASSIGN_OR_RETURN(const std::string of, may_change(peer));
  MIG_ASSIGN_OR_RETURN(lease::Lease released, leases_.release(lease, of, peer.identity.uid));
  MIG_TRY(guard(true));
  if (released.ending.empty()) {
    return released;
  }
  MIG_TRY(driver_ ? close_endings() : enforce());
  return after_release(std::move(released));
}

Result<std::optional<lease::QueueEntry>> LeaseDesk::withdraw(const std::string& key,
                                                             const Peer& peer) {
  MIG_TRY(may_change(peer));
  MIG_ASSIGN_OR_RETURN(const auto ticket, leases_.ticket_of(key));
  if (!ticket) {
    return std::optional<lease::QueueEntry>();
  }
  MIG_ASSIGN_OR_RETURN(auto waited, entry(*ticket));
  MIG_TRY(leases_.cancel(*ticket));
  now_or_never_.erase(*ticket);
  news_.left.push_back(*ticket);
  MIG_TRY(guard(true));
  MIG_TRY(driver_ ? close_endings() : enforce());
  return waited;
}

Result<lease::Lease> LeaseDesk::after_release(lease::Lease released) {
  MIG_ASSIGN_OR_RETURN(const auto ending, leases_.ending());
  const auto left = std::find_if(
      ending.begin(), ending.end(), [&](const auto& one) { return one.lease.id == released.id; });
  if (left == ending.end()) {
    released.ending.clear();
  } else {
    released.processes = left->lease.processes;
  }
  return released;
}

Result<std::string> LeaseDesk::may_change(const Peer& peer) const {
  const Tenant tenant = tenant_of(peer);
  if (tenant.role < Role::kUser) {
    return fail(ErrorCode::kPermission,
                fmt::format("the role of tenant {} is {}: it may not change leases",
                            tenant.name,
                            name_of(tenant.role)));
  }
  return sees_all(tenant) ? std::string() : tenant.name;
}

Result<lease::LeaseHolder> LeaseDesk::rebind(std::int64_t lease,
                                             lease::LeaseHolder holder,
                                             const Peer& peer) {
  MIG_ASSIGN_OR_RETURN(const std::string of, may_change(peer));
  MIG_TRY(check_holder(holder, peer, peer));
  MIG_TRY(leases_.rebind(lease, of, holder));
  return holder;
}

Result<std::vector<lease::Lease>> LeaseDesk::list(const Peer& peer) {
  const Tenant tenant = tenant_of(peer);
  if (!driver_) {
    static_cast<void>(enforce());  // nobody else ends what is over; who may not still sees the list
  }
  MIG_ASSIGN_OR_RETURN(const Inventory* now, machine(age_));
  MIG_ASSIGN_OR_RETURN(std::vector<lease::Lease> all, leases_.list(now));
  if (!sees_all(tenant)) {
    std::erase_if(all, [&](const lease::Lease& lease) { return lease.tenant != tenant.name; });
  }
  return all;
}

Result<std::vector<lease::QueueEntry>> LeaseDesk::queue(const Peer& peer) {
  MIG_ASSIGN_OR_RETURN(const Inventory* now, machine(age_));
  MIG_ASSIGN_OR_RETURN(std::vector<lease::QueueEntry> all, leases_.queue(*now));
  keep_visible(all, peer);
  return all;
}

void LeaseDesk::keep_visible(std::vector<lease::QueueEntry>& queue, const Peer& peer) const {
  const Tenant tenant = tenant_of(peer);
  if (!sees_all(tenant)) {
    std::erase_if(queue,
                  [&](const lease::QueueEntry& entry) { return entry.tenant != tenant.name; });
  }
}

Result<lease::History> LeaseDesk::history(lease::EventFilter filter, const Peer& peer) {
  const Tenant own = tenant_of(peer);
  if (!sees_all(own)) {
    if (!filter.tenant.empty() && filter.tenant != own.name) {
      return lease::History{};
    }
    filter.tenant = own.name;
  }
  return leases_.history(filter);
}

std::optional<Tenants> LeaseDesk::site(const Peer& peer) const {
  return sees_all(tenant_of(peer)) ? std::optional(leases_.tenants()) : std::nullopt;
}

Result<std::vector<TenantUse>> LeaseDesk::tenants(const Peer& peer) {
  const Tenant own = tenant_of(peer);
  std::vector<TenantUse> views;
  for (const Tenant& tenant : leases_.tenants().tenants) {
    if (sees_all(own) || tenant.name == own.name) {
      views.push_back({tenant});
    }
  }
  MIG_ASSIGN_OR_RETURN(const std::vector<lease::Lease> all, leases_.list(nullptr));
  const auto view_of = [&](const std::string& name) -> TenantUse& {
    const auto found = std::find_if(views.begin(), views.end(), [&](const TenantUse& view) {
      return view.tenant.name == name;
    });
    if (found != views.end()) {
      return *found;
    }
    Tenant unnamed = own.name == name ? own : Tenant{};
    unnamed.name = name;
    return views.emplace_back(TenantUse{std::move(unnamed)});
  };
  static_cast<void>(view_of(own.name));
  for (const lease::Lease& lease : all) {
    if (!sees_all(own) && lease.tenant != own.name) {
      continue;
    }
    TenantUse& use = view_of(lease.tenant);
    ++use.leases;
    ++use.instances;
    use.slices += lease.instance.slices;
    use.sm += lease.instance.sm.value_or(0);
    use.memory_mib += lease.instance.memory_mib;
  }
  return views;
}

}  // namespace mig::service
