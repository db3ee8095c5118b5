// SPDX-License-Identifier: Apache-2.0
// LeaseDesk: requests from their beginning to their grant: passes, what they ask to be done, and
// readings of the machine, by the desk itself or by another thread (use()).
#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "service/background.h"
#include "service/create_now.h"
#include "service/lease_creation.h"
#include "service/lease_desk.h"

namespace mig::service {
namespace {

// Rounds of creations in one go: each makes something, or finds that it cannot be made.
constexpr int kMostRounds = 64;

std::chrono::nanoseconds monotonic() {
  return base::system_clock().monotonic();
}

bool is_there(const Inventory& now, const lease::Instance& instance) {
  const Gpu* gpu = now.find_gpu(instance.gpu_uuid);
  const GpuInstance* in = gpu == nullptr ? nullptr : gpu->find_instance(instance.gpu_instance);
  return in != nullptr &&
         std::any_of(in->compute_instances.begin(),
                     in->compute_instances.end(),
                     [&](const ComputeInstance& one) { return one.uuid == instance.uuid; });
}

}  // namespace

bool LeaseDesk::knows(node::Age age) const {
  return !driver_ || (inventory_ && monotonic() - inventory_begun_ <= age.limit());
}

Result<const Inventory*> LeaseDesk::machine(node::Age age) {
  if (!driver_) {
    MIG_ASSIGN_OR_RETURN(inventory_, node_.snapshot(age));
    return inventory_.get();
  }
  if (!knows(age)) {
    driver_->read();
  }
  if (!inventory_) {
    const std::string trouble = driver_->trouble();
    return fail(ErrorCode::kTimeout,
                "the machine has not been read yet" + (trouble.empty() ? "" : ": " + trouble),
                "try again; where it stays so, `dmesg` and the log of migd tell of the driver");
  }
  return inventory_.get();
}

Result<void> LeaseDesk::read_came(Reading reading) {
  if (!reading.now) {
    return std::move(reading.now).error();
  }
  const bool other = !inventory_ || inventory_->generation != (*reading.now)->generation;
  inventory_ = *std::move(reading.now);
  inventory_begun_ = reading.begun;
  std::vector<std::pair<lease::Lease, std::chrono::nanoseconds>> later;
  for (auto& [lease, at] : std::exchange(unproved_, {})) {
    if (at >= reading.begun) {
      later.emplace_back(std::move(lease), at);
    } else if (!is_there(*inventory_, lease.instance)) {
      MIG_TRY(lose(lease));
    }
  }
  unproved_.insert(unproved_.end(), later.begin(), later.end());
  return other ? keep_nodes() : Result<void>();
}

LeaseDesk::News LeaseDesk::take_news() {
  news_wanted_ = true;
  News news = std::exchange(news_, {});
  news.others = news.others || queue_epoch_ != leases_.queue_epoch();
  queue_epoch_ = leases_.queue_epoch();
  return news;
}

Result<lease::Need> LeaseDesk::with_slot(node::Node& node,
                                         lease::Need need,
                                         bool create,
                                         const MadeFor& made_for) {
  MIG_ASSIGN_OR_RETURN(
      const node::SlotView slot,
      create ? make_slot(node, need.slot, made_for) : node.resolve_slot(need.slot));
  need.uuid = slot.uuid;
  return need;
}

Result<lease::Ticket> LeaseDesk::begin(lease::LeaseRequest request, const Peer& peer) {
  MIG_ASSIGN_OR_RETURN(const Peer owner, owner_of(request, peer));
  MIG_TRY(complete(request, owner, peer));
  if (request.background && peer.identity.uid == request.caller.uid) {
    static_cast<void>(leave_session(peer.pid, peer.identity.uid));  // else it ends with its session
  }
  if (request.create) {
    leases_.try_again(request.need);
  }
  if (request.create && request.wait_ms == 0) {
    return driver_ ? begin_making(std::move(request)) : create_now(std::move(request));
  }
  MIG_ASSIGN_OR_RETURN(const Inventory* now, machine(age_));
  MIG_ASSIGN_OR_RETURN(lease::Ticket ticket, leases_.submit(request, *now));
  return after_turn(std::move(ticket));
}

Result<lease::Lease> LeaseDesk::grant_at_once(
    lease::LeaseRequest request,
    const Peer& peer,
    const Instance& instance,
    const std::string& who,
    const std::function<bool(const std::string& uuid)>& exists) {
  MIG_TRY(may_ask(request, peer, peer));
  MIG_ASSIGN_OR_RETURN(lease::Lease granted, leases_.grant_at_once(request, instance, who, exists));
  if (const auto guarded = guard(true); !guarded) {
    // The lease stands: nodes are looked at again with the next pass.
    nodes_kept_ = 0;
  }
  return granted;
}

// Runs the actions of the pass, which may have created or revoked instances of this ticket.
Result<lease::Ticket> LeaseDesk::after_turn(lease::Ticket ticket) {
  const lease::Turn turn = leases_.take_pending();
  MIG_TRY(carry_out(turn));
  if (lost_.contains(ticket.id) || refused_.contains(ticket.id)) {
    Error error = gone(ticket.id, "");
    lost_.erase(ticket.id);
    refused_.erase(ticket.id);
    return error;
  }
  if (ticket.granted.empty() && !turn.creations.empty() && !driver_) {
    MIG_ASSIGN_OR_RETURN(lease::Ticket after, leases_.peek(ticket.id));
    ticket.granted = std::move(after.granted);
  }
  return ticket;
}

Result<void> LeaseDesk::lose(const lease::Lease& lease) {
  constexpr std::size_t kMostLost = 1000;
  MIG_TRY(leases_.cancel(lease.request));
  if (lost_.size() >= kMostLost) {
    lost_.erase(lost_.begin());
  }
  lost_[lease.request] = lease.instance.uuid;
  return {};
}

// A grant based on a slightly old reading is checked against a new one: now or, where another
// thread reads, when it comes.
Result<void> LeaseDesk::check_there(const std::vector<lease::Lease>& granted) {
  if (granted.empty()) {
    return {};
  }
  if (driver_) {
    for (const lease::Lease& lease : granted) {
      unproved_.emplace_back(lease, monotonic());
    }
    return {};
  }
  MIG_ASSIGN_OR_RETURN(const Inventory* now, machine(node::Age::fresh()));
  for (const lease::Lease& lease : granted) {
    if (!is_there(*now, lease.instance)) {
      MIG_TRY(lose(lease));
    }
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
  if (const auto refused = refused_.find(ticket); refused != refused_.end()) {
    return refused->second;
  }
  const std::string trouble = driver_ ? driver_->trouble() : "";
  if (now_or_never_.erase(ticket) > 0) {
    return none_to_be_made(
        trouble.empty() ? "another program has been changing the machine meanwhile" : trouble);
  }
  return Error{ErrorCode::kTimeout,
               "nothing came free in time" + (reason.empty() ? "" : ": " + reason) +
                   (trouble.empty() ? "" : "; " + trouble),
               "wait longer (--wait), or `migctl lease queue` shows who is before you",
               {},
               {}};
}

Result<std::optional<lease::QueueEntry>> LeaseDesk::entry(std::int64_t ticket) {
  MIG_ASSIGN_OR_RETURN(const Inventory* now, machine(age_));
  MIG_ASSIGN_OR_RETURN(auto entry, leases_.entry(ticket, *now));
  const std::string trouble = driver_ ? driver_->trouble() : "";
  if (entry && !trouble.empty()) {
    entry->reason += "; " + trouble;
  }
  return entry;
}

Result<lease::Ticket> LeaseDesk::look(std::int64_t ticket) {
  MIG_ASSIGN_OR_RETURN(const Inventory* now, machine(age_));
  MIG_ASSIGN_OR_RETURN(lease::Ticket seen, leases_.look(ticket, *now));
  return after_turn(std::move(seen));
}

// What a pass asks for, without creations.
Result<void> LeaseDesk::carry_out_once(const lease::Turn& turn) {
  if (news_wanted_) {
    news_.granted.insert(news_.granted.end(), turn.granted.begin(), turn.granted.end());
    news_.left.insert(news_.left.end(), turn.left.begin(), turn.left.end());
  }
  for (const lease::Lease& lease : turn.granted) {
    now_or_never_.erase(lease.request);
  }
  for (const lease::Turn::Signal& signal : turn.signals) {
    members_->ask_job(signal.lease);
  }
  return check_there(turn.granted);
}

Result<LeaseDesk::Made> LeaseDesk::carry_out(const lease::Turn& first) {
  MIG_TRY(carry_out_once(first));
  Made made;
  if (driver_) {
    MIG_TRY(start_making(first));
    MIG_TRY(refuse_what_cannot_be_made());
  } else {
    std::vector<lease::Creation> creations = first.creations;
    for (int round = 0; !creations.empty() && round < kMostRounds; ++round) {
      made.request = creations.front().request;
      MIG_ASSIGN_OR_RETURN(made.making, make(creations.front()));
      if (made.making == Making::kLater) {
        break;
      }
      // Something was made, or is known to be impossible: the next may have its turn.
      MIG_ASSIGN_OR_RETURN(const Inventory* now, machine(node::Age::fresh()));
      MIG_ASSIGN_OR_RETURN(const lease::Turn next, leases_.turn(*now));
      MIG_TRY(carry_out_once(next));
      creations = next.creations;
    }
    // The lease that an instance was made for is known from here on. What cannot be written down
    // now is learned by the next look.
    if (made.making == Making::kDone) {
      static_cast<void>(reclaimer_.learn());
    }
  }
  MIG_TRY(guard(made.making != Making::kNothing || !first.granted.empty() || first.ended > 0));
  return made;
}

// Looks for idle instances that were made for requests a few times within the site's time.
Result<void> LeaseDesk::reclaim() {
  const std::optional<std::int64_t> limit_ms = leases_.tenants().reclaim_ms;
  if (monotonic() < next_reclaim_) {
    return {};
  }
  next_reclaim_ = monotonic() + Reclaimer::period(limit_ms);
  if (driver_) {
    driver_->reclaim(limit_ms);
    return {};
  }
  return reclaimer_.look([this] { return machine(quiet_age_); }, limit_ms);
}

Result<void> LeaseDesk::serve_waiting() {
  MIG_ASSIGN_OR_RETURN(const lease::Leases::Load load, leases_.load());
  if (load.waiting > 0) {
    MIG_TRY(step());
  }
  return {};
}

Result<bool> LeaseDesk::step(bool reap) {
  Result<bool> done = pass(reap);
  if (done) {
    MIG_TRY(reclaim());
  }
  return done;
}

Result<bool> LeaseDesk::pass(bool reap) {
  // A reading opens the driver (milliseconds on hardware, and an open GPU stops a mode change), so
  // an idle desk makes none, and one where no request waits makes few.
  MIG_ASSIGN_OR_RETURN(const lease::Leases::Load load, leases_.load());
  bool freed = false;
  if (load.ending) {
    MIG_ASSIGN_OR_RETURN(freed, enforce());
  }
  const bool waited_for = load.waiting > 0 || !unproved_.empty();
  MIG_TRY(watch_unleased(!waited_for && load.leases == 0));
  if (!waited_for && load.leases == 0) {
    MIG_TRY(guard(freed));
    return freed;
  }
  auto now = machine(waited_for ? age_ : quiet_age_);
  if (!now) {
    // Limits hold on a machine that cannot be read, too.
    MIG_TRY(leases_.reap());
    MIG_TRY(enforce());
    return std::move(now).error();
  }
  // The reading outlives a newer one, which carry_out() and guard() may make.
  const node::Node::Snapshot kept = inventory_;
  MIG_ASSIGN_OR_RETURN(lease::Turn turn, leases_.turn(*kept, reap));
  MIG_TRY(carry_out(turn));
  // With a driver what has ended in this pass is judged by a later reading.
  MIG_ASSIGN_OR_RETURN(const bool ended, driver_ ? close_endings() : enforce());
  MIG_TRY(guard(freed || ended));
  if (ended && load.waiting > 0) {
    MIG_ASSIGN_OR_RETURN(turn, leases_.turn(*kept, false));
    MIG_TRY(carry_out(turn));
  }
  return freed || ended || !turn.granted.empty() || turn.ended > 0;
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

}  // namespace mig::service
