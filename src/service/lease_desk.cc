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
#include "holders/lease_life.h"
#include "holders/process_facts.h"
#include "lease/admission.h"
#include "model/gpu_word.h"
#include "service/create_now.h"
#include "service/lease_creation.h"

namespace mig::service {
namespace {

using lease::LeaseHolder;

constexpr const char* kCgroupRoot = "/sys/fs/cgroup";

std::int64_t monotonic_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(base::system_clock().monotonic())
      .count();
}

bool sees_all(const Tenant& tenant) {
  return tenant.role >= Role::kOperator;
}

// pidfd: identifies the process despite pid reuse.
bool signal_process(const LeaseHolder& holder, bool kill) {
  if (holder.kind != LeaseHolder::Kind::kProcess) {
    return false;
  }
  const base::Fd process(static_cast<int>(::syscall(SYS_pidfd_open, holder.pid, 0)));
  return process.valid() &&
         holders::start_of(base::proc_root(), holder.pid) == holder.start_ticks &&
         ::syscall(SYS_pidfd_send_signal, process.get(), kill ? SIGKILL : SIGTERM, nullptr, 0) == 0;
}

void carry_signal(const lease::Turn::Signal& signal) {
  if (!signal_process(signal.holder, signal.kill)) {
    static_cast<void>(signal_process(signal.heir, signal.kill));
  }
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

// A tenant may name a unit of its own manager, or a cgroup delegated to it: another user's unit
// that never ends would keep the lease for ever.
Result<void> check_unit(const std::string& unit, const Peer& peer) {
  const auto cgroup = holders::cgroup_of_unit(kCgroupRoot, unit);
  if (!cgroup) {
    return fail(ErrorCode::kNotFound,
                fmt::format("no unit {} is running", base::quoted(unit)),
                "its whole name is meant: jupyter.service");
  }
  const std::uint32_t uid = peer.identity.uid;

  struct stat info {};

  const bool owned =
      ::stat((std::string(kCgroupRoot) + *cgroup).c_str(), &info) == 0 && info.st_uid == uid;
  const bool below = cgroup->find(fmt::format("/user-{}.slice/", uid)) != std::string::npos;
  if (uid != 0 && !owned && !below) {
    return fail(ErrorCode::kPermission,
                fmt::format("unit {} is not yours, so no lease of yours can be bound to it",
                            base::quoted(unit)));
  }
  return {};
}

Result<void> check_holder(LeaseHolder& holder, const Peer& peer) {
  if (holder.kind == LeaseHolder::Kind::kUnit) {
    return check_unit(holder.unit, peer);
  }
  if (holder.kind != LeaseHolder::Kind::kProcess) {
    return {};
  }
  const holders::ProcessFacts facts = holders::read_process(base::proc_root(), holder.pid);
  if (facts.start_ticks == 0 ||
      (holder.start_ticks != 0 && holder.start_ticks != facts.start_ticks)) {
    return fail(ErrorCode::kNotFound,
                fmt::format("there is no process {} to bind the lease to", holder.pid),
                "it may have ended meanwhile");
  }
  if (peer.identity.uid != 0 && facts.uid != peer.identity.uid) {
    return fail(ErrorCode::kPermission,
                fmt::format("process {} is not yours, so no lease of yours can be bound to it",
                            holder.pid));
  }
  holder.start_ticks = facts.start_ticks;
  return {};
}

}  // namespace

Result<std::unique_ptr<LeaseDesk>> LeaseDesk::open(node::Node& node,
                                                   const Tenants& tenants,
                                                   node::Age age,
                                                   std::int64_t reap_every_ms) {
  lease::Settings settings;
  settings.tenants = tenants;
  settings.reap_every_ms = reap_every_ms;
  MIG_ASSIGN_OR_RETURN(lease::Leases leases, lease::Leases::open(node.places().leases(), settings));
  return std::unique_ptr<LeaseDesk>(new LeaseDesk(node, std::move(leases), age));
}

Result<const Inventory*> LeaseDesk::machine(node::Age age) {
  MIG_ASSIGN_OR_RETURN(inventory_, node_.snapshot(age));
  return inventory_.get();
}

Result<void> LeaseDesk::complete(lease::LeaseRequest& request,
                                 const Peer& peer,
                                 const Tenant& tenant) {
  if (tenant.role < Role::kUser) {
    return fail(ErrorCode::kPermission,
                fmt::format("user {} may not lease: its role in tenant {} is {}",
                            peer.identity.user.empty() ? std::to_string(peer.identity.uid)
                                                       : peer.identity.user,
                            tenant.name,
                            name_of(tenant.role)),
                "an admin gives roles in /etc/migctl/tenants.yaml");
  }
  request.caller = {peer.identity.uid, peer.identity.user, tenant.name};
  MIG_TRY(check_holder(request.holder, peer));
  if (request.waiter.kind == LeaseHolder::Kind::kProcess) {
    MIG_TRY(check_holder(request.waiter, peer));
  }
  MIG_ASSIGN_OR_RETURN(const Inventory* now, machine(age_));
  MIG_TRY(find_gpu_of(request.need, *now));
  if (!request.need.slot.empty()) {
    MIG_ASSIGN_OR_RETURN(const node::SlotView slot,
                         request.create ? make_slot(node_, request.need.slot)
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

Result<lease::Ticket> LeaseDesk::begin(lease::LeaseRequest request, const Peer& peer) {
  const Tenant tenant = tenant_of(peer);
  MIG_TRY(complete(request, peer, tenant));
  if (request.create && request.wait_ms == 0) {
    return create_now(std::move(request));
  }
  MIG_ASSIGN_OR_RETURN(const Inventory* now, machine(age_));
  MIG_ASSIGN_OR_RETURN(lease::Ticket ticket, leases_.submit(request, *now));
  return after_turn(std::move(ticket));
}

// Runs the actions of the pass, which may have created or revoked instances of this ticket.
Result<lease::Ticket> LeaseDesk::after_turn(lease::Ticket ticket) {
  const lease::Turn turn = leases_.take_pending();
  MIG_TRY(carry_out(turn));
  if (const auto lost = lost_.find(ticket.id); lost != lost_.end()) {
    const Error error = gone(ticket.id, "");
    lost_.erase(lost);
    return error;
  }
  if (ticket.granted.empty() && !turn.creations.empty()) {
    MIG_ASSIGN_OR_RETURN(lease::Ticket after, leases_.peek(ticket.id));
    ticket.granted = std::move(after.granted);
  }
  return ticket;
}

// Grants without waiting for a lease to end, but creates an instance where possible at once. Waits
// for concurrent creators: each holds the writer lock for a moment.
Result<lease::Ticket> LeaseDesk::create_now(lease::LeaseRequest request) {
  constexpr std::int64_t kLongEnough = 120'000;
  constexpr std::int64_t kOthersMs = 15'000;
  constexpr std::chrono::milliseconds kBetweenTurns{20};
  request.wait_ms = kLongEnough;
  failed_creation_.clear();
  MIG_ASSIGN_OR_RETURN(const Inventory* now, machine(age_));
  MIG_ASSIGN_OR_RETURN(lease::Ticket ticket, leases_.submit(request, *now));
  const std::int64_t until = monotonic_ms() + kOthersMs;
  for (;;) {
    MIG_ASSIGN_OR_RETURN(const Making making, carry_out(leases_.take_pending()));
    MIG_ASSIGN_OR_RETURN(now, machine(making == Making::kNothing ? age_ : node::Age::fresh()));
    MIG_ASSIGN_OR_RETURN(ticket, leases_.look(ticket.id, *now));
    if (!ticket.granted.empty()) {
      return after_turn(std::move(ticket));
    }
    const bool over = !ticket.waiting || monotonic_ms() >= until;
    if (making == Making::kRefused || making == Making::kNothing || over) {
      break;
    }
    base::system_clock().sleep(kBetweenTurns);
  }
  lease::Turn rest = leases_.take_pending();
  rest.creations.clear();
  MIG_TRY(carry_out(rest));
  MIG_TRY(leases_.cancel(ticket.id));
  return fail(ErrorCode::kNoCapacity,
              fmt::format("none is free and none can be made: {}",
                          ticket.waiting ? ticket.waiting->reason : request.need.str()),
              "wait for one with --wait 10m");
}

// A grant based on a slightly old reading is checked against a new one.
Result<void> LeaseDesk::check_there(const std::vector<lease::Lease>& granted) {
  if (granted.empty()) {
    return {};
  }
  MIG_ASSIGN_OR_RETURN(const Inventory* now, machine(node::Age::fresh()));
  for (const lease::Lease& lease : granted) {
    const Gpu* gpu = now->find_gpu(lease.instance.gpu_uuid);
    const GpuInstance* instance =
        gpu == nullptr ? nullptr : gpu->find_instance(lease.instance.gpu_instance);
    if (instance != nullptr && std::any_of(instance->compute_instances.begin(),
                                           instance->compute_instances.end(),
                                           [&](const ComputeInstance& compute) {
                                             return compute.uuid == lease.instance.uuid;
                                           })) {
      continue;
    }
    MIG_TRY(leases_.cancel(lease.request));
    constexpr std::size_t kMostLost = 1000;
    if (lost_.size() >= kMostLost) {
      lost_.erase(lost_.begin());
    }
    lost_[lease.request] = lease.instance.uuid;
  }
  return {};
}

Error LeaseDesk::gone(std::int64_t ticket, const std::string& reason) {
  if (const auto lost = lost_.find(ticket); lost != lost_.end()) {
    return Error{ErrorCode::kConflict,
                 lost->second + " went while it was being leased",
                 "the layout has just changed; try again",
                 {},
                 {}};
  }
  return Error{ErrorCode::kTimeout,
               "nothing came free in time" + (reason.empty() ? "" : ": " + reason),
               "wait longer (--wait), or `migctl lease queue` shows who is before you",
               {},
               {}};
}

Result<lease::Ticket> LeaseDesk::look(std::int64_t ticket) {
  MIG_ASSIGN_OR_RETURN(const Inventory* now, machine(age_));
  MIG_ASSIGN_OR_RETURN(lease::Ticket seen, leases_.look(ticket, *now));
  return after_turn(std::move(seen));
}

Result<LeaseDesk::Making> LeaseDesk::carry_out(const lease::Turn& turn) {
  MIG_TRY(check_there(turn.granted));
  for (const lease::Turn::Signal& signal : turn.signals) {
    carry_signal(signal);
  }
  Making making = Making::kNothing;
  for (const lease::Creation& creation : turn.creations) {
    MIG_ASSIGN_OR_RETURN(making, make(creation));
    if (making != Making::kDone) {
      continue;
    }
    MIG_ASSIGN_OR_RETURN(const Inventory* now, machine(node::Age::fresh()));
    MIG_ASSIGN_OR_RETURN(const lease::Turn next, leases_.turn(*now));
    MIG_TRY(check_there(next.granted));
    for (const lease::Turn::Signal& signal : next.signals) {
      carry_signal(signal);
    }
  }
  MIG_TRY(guard());
  return making;
}

Result<LeaseDesk::Making> LeaseDesk::make(const lease::Creation& creation) {
  // The caller, or another process that ran a pass, may have created it meanwhile.
  MIG_ASSIGN_OR_RETURN(const lease::Ticket still, leases_.peek(creation.request));
  if (!still.waiting) {
    return Making::kDone;
  }
  MIG_ASSIGN_OR_RETURN(const Inventory* now, machine(node::Age::fresh()));
  const std::string state =
      fmt::format("{:016x} {} {}", now->generation, creation.request, creation.count);
  if (state == failed_creation_) {
    return Making::kRefused;
  }
  auto made = create_for_lease(node_, *now, creation);
  // A concurrent writer (kConflict) does not mean that the instance cannot be created: retry.
  if (!made && made.error().code == ErrorCode::kConflict) {
    return Making::kLater;
  }
  if (!made) {
    failed_creation_ = state;
    MIG_TRY(leases_.explain(creation.request, "none can be made: " + made.error().text()));
    return Making::kRefused;
  }
  failed_creation_.clear();
  return Making::kDone;
}

Result<void> LeaseDesk::guard() {
  if (!guard_) {
    return {};
  }
  MIG_ASSIGN_OR_RETURN(const Inventory* now, machine(age_));
  MIG_ASSIGN_OR_RETURN(const std::vector<lease::Lease> leases, leases_.list(nullptr));
  return guard_->keep(*now, leases);
}

Result<void> LeaseDesk::serve_waiting() {
  MIG_ASSIGN_OR_RETURN(const lease::Leases::Standing standing, leases_.standing());
  if (!standing.waiting.empty() || guard_) {
    MIG_TRY(step());
  }
  return {};
}

Result<bool> LeaseDesk::step(bool reap) {
  // A reading opens the driver (milliseconds on hardware, and an open GPU stops a mode change), so
  // an idle desk makes none, and one where no request waits makes few.
  MIG_ASSIGN_OR_RETURN(const lease::Leases::Standing standing, leases_.standing());
  const bool waited_for = !standing.waiting.empty() || guard_;
  if (!waited_for && standing.granted.empty()) {
    return false;
  }
  MIG_ASSIGN_OR_RETURN(const Inventory* now, machine(waited_for ? age_ : quiet_age_));
  MIG_ASSIGN_OR_RETURN(const lease::Turn turn, leases_.turn(*now, reap));
  MIG_TRY(carry_out(turn));
  return !turn.granted.empty() || turn.ended > 0;
}

Result<std::vector<lease::Lease>> LeaseDesk::acquire(const lease::LeaseRequest& request,
                                                     const Peer& peer,
                                                     const OnWait& on_wait) {
  constexpr std::int64_t kBetweenTurnsMs = 100;
  constexpr std::uint32_t kSlowest = 20;
  MIG_ASSIGN_OR_RETURN(lease::Ticket ticket, begin(request, peer));
  std::string told;
  for (std::uint32_t since_turn = 0; ticket.granted.empty();) {
    if (ticket.waiting && !ticket.waiting->reason.empty() && told != ticket.waiting->reason) {
      told = ticket.waiting->reason;
      if (on_wait) {
        on_wait(*ticket.waiting);
      }
    }
    base::system_clock().sleep(std::chrono::milliseconds(kBetweenTurnsMs));
    node_.forget();
    // The longest waiting request runs the passes; others only when none waits before them.
    MIG_ASSIGN_OR_RETURN(ticket, peek(ticket.id));
    if (!ticket.granted.empty()) {
      break;
    }
    const std::uint32_t place = ticket.waiting ? ticket.waiting->position : 1;
    if (!ticket.waiting || ++since_turn >= std::min(place, kSlowest)) {
      since_turn = 0;
      MIG_ASSIGN_OR_RETURN(ticket, look(ticket.id));
      if (ticket.granted.empty() && !ticket.waiting) {
        return gone(ticket.id, told);
      }
    }
  }
  return std::move(ticket.granted);
}

Result<lease::Lease> LeaseDesk::release(std::int64_t lease, const Peer& peer) {
  MIG_ASSIGN_OR_RETURN(const std::string of, may_change(peer));
  return leases_.release(lease, of, peer.identity.uid);
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

Result<void> LeaseDesk::rebind(std::int64_t lease, lease::LeaseHolder holder, const Peer& peer) {
  MIG_ASSIGN_OR_RETURN(const std::string of, may_change(peer));
  MIG_TRY(check_holder(holder, peer));
  return leases_.rebind(lease, of, holder);
}

Result<void> LeaseDesk::bequeath(std::int64_t lease, lease::LeaseHolder heir, const Peer& peer) {
  MIG_ASSIGN_OR_RETURN(const std::string of, may_change(peer));
  MIG_TRY(check_holder(heir, peer));
  return leases_.bequeath(lease, of, heir);
}

Result<std::vector<lease::Lease>> LeaseDesk::list(const Peer& peer) {
  const Tenant tenant = tenant_of(peer);
  MIG_ASSIGN_OR_RETURN(const Inventory* now, machine(age_));
  MIG_ASSIGN_OR_RETURN(std::vector<lease::Lease> all, leases_.list(now));
  if (!sees_all(tenant)) {
    std::erase_if(all, [&](const lease::Lease& lease) { return lease.tenant != tenant.name; });
  }
  return all;
}

Result<std::vector<lease::QueueEntry>> LeaseDesk::queue(const Peer& peer) {
  const Tenant tenant = tenant_of(peer);
  MIG_ASSIGN_OR_RETURN(const Inventory* now, machine(age_));
  MIG_ASSIGN_OR_RETURN(std::vector<lease::QueueEntry> all, leases_.queue(*now));
  if (!sees_all(tenant)) {
    std::erase_if(all, [&](const lease::QueueEntry& entry) { return entry.tenant != tenant.name; });
  }
  return all;
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
