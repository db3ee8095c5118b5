// SPDX-License-Identifier: Apache-2.0
#include "lease/turn.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "holders/process_facts.h"
#include "lease/admission.h"
#include "lease/ending.h"
#include "lease/room.h"
#include "lease/rows.h"

namespace mig::lease {
namespace {

// Of a longer queue, so many waiters are checked per pass.
constexpr std::size_t kWaitersPerPass = 256;

std::map<std::string, std::size_t> leases_by_instance(const std::vector<store::LeaseRow>& leases) {
  std::map<std::string, std::size_t> counts;
  for (const store::LeaseRow& lease : leases) {
    ++counts[lease.instance.uuid];
  }
  return counts;
}

// Until the assumed end of a lease without a limit. One that overran is assumed to take as long
// again as it took so far, in doubling steps, so that plans do not move with every pass.
std::int64_t assumed_left(std::int64_t elapsed_ms, std::int64_t assumed_ms) {
  std::int64_t length = std::max<std::int64_t>(assumed_ms, 1);
  while (length <= elapsed_ms && length <= INT64_MAX / 2) {
    length *= 2;
  }
  return std::max<std::int64_t>(length - elapsed_ms, 1);
}

// Above every request's priority.
constexpr std::int32_t kNeverPreempted = std::numeric_limits<std::int32_t>::max();

// The list is of the last look, up to some seconds ago: a process that has ended since then must
// not refuse its user an instance.
bool is_there(const UnleasedProcess& process, const std::string& proc) {
  const auto start = holders::start_of(proc, process.pid);
  return start && (process.start_ticks == 0 || *start == process.start_ticks);
}

// The earlier end of the lease: its limit or its grace period.
std::optional<std::int64_t> soonest_end(const store::LeaseRow& lease, const holders::Moment& now) {
  std::optional<std::int64_t> left = holders::left_ms(lease, now);
  if (lease.notice_boot_ms && lease.notice_grace_ms) {
    const std::int64_t grace =
        std::max<std::int64_t>(*lease.notice_boot_ms + *lease.notice_grace_ms - now.boot_ms, 0);
    left = left ? std::min(*left, grace) : grace;
  }
  if (!is_ending(lease)) {
    return left;
  }
  // A lease that is over is free at any moment: its grace is no time for others to slip in before
  // whoever waits for it. One whose processes survive SIGKILL has no known end.
  return ending_left_ms(lease, now) > 0 ? std::optional<std::int64_t>(0) : std::nullopt;
}

}  // namespace

const Outlook* TurnTaker::outlook_of(std::int64_t request) const {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const Outlook& outlook) {
    return outlook.request == request;
  });
  return found == waiting_.end() ? nullptr : &*found;
}

bool TurnTaker::timely(const store::RequestRow& request) const {
  return request.boot_id == now_.boot_id && now_.boot_ms - request.since_boot_ms <= request.wait_ms;
}

bool TurnTaker::wanted(const store::RequestRow& request) const {
  if (!timely(request)) {
    return false;
  }
  const auto lives = [&](const LeaseHolder& process) {
    const auto start = holders::start_of(settings_.proc, process.pid);
    return start && *start == process.start_ticks;
  };
  const bool waiter = request.waiter.kind == LeaseHolder::Kind::kProcess;
  if (waiter && !lives(request.waiter)) {
    return false;
  }
  // With the holder gone there is no end to wait for.
  const bool same = waiter && request.waiter == request.holder;
  return request.holder.kind != LeaseHolder::Kind::kProcess || same || lives(request.holder);
}

Result<void> TurnTaker::read() {
  MIG_ASSIGN_OR_RETURN(leases_, store_.leases());
  return {};
}

// Brings the queue up to date with the store.
Result<void> TurnTaker::read_queue() {
  MIG_ASSIGN_OR_RETURN(const store::Leases::Requests* requests, store_.waiting());
  const auto add = [&](const store::RequestRow& row) {
    memory_.queue.add(waiting_of(row, settings_.tenants));
    memory_.judge_again = memory_.judge_again || row.create;
  };
  const std::vector<store::QueueChange> changes = store_.take_queue_changes();
  if (memory_.queue_epoch != store_.queue_epoch()) {
    memory_.queue = {};
    for (const auto& [id, row] : *requests) {
      add(row);
    }
    memory_.queue_epoch = store_.queue_epoch();
    return {};
  }
  for (const store::QueueChange& change : changes) {
    if (!change.added) {
      memory_.queue.remove(change.request);
    } else if (const auto row = requests->find(change.request); row != requests->end()) {
      add(row->second);
    }
  }
  return {};
}

// What can be made for the shapes of the queue on the machine as it is.
void TurnTaker::judge_shapes(const Inventory& inventory, Queue& queue) const {
  queue.judge([&](Shape& shape) {
    if (!shape.create) {
      return;
    }
    const auto failed = memory_.unmakeable.find(need_text(shape.need));
    shape.made = smallest_makeable(inventory, shape.need);
    shape.makeable = shape.made && room_to_make(inventory, shape.need) &&
                     (failed == memory_.unmakeable.end() || failed->second != inventory.generation);
  });
}

void TurnTaker::judge(const Inventory& inventory) {
  if (memory_.judged != inventory.generation || memory_.judge_again) {
    std::erase_if(memory_.unmakeable,
                  [&](const auto& failed) { return failed.second != inventory.generation; });
    judge_shapes(inventory, memory_.queue);
    memory_.judged = inventory.generation;
    memory_.judge_again = false;
  }
}

Result<void> TurnTaker::reap_requests(bool everybody) {
  MIG_ASSIGN_OR_RETURN(const store::Leases::Requests* requests, store_.waiting());
  std::vector<std::int64_t> gone;
  const bool few = everybody || requests->size() <= kWaitersPerPass;
  for (const auto& [id, row] : *requests) {
    if (few ? !wanted(row) : !timely(row)) {
      gone.push_back(id);
    }
  }
  auto next = requests->upper_bound(memory_.looked_at);
  for (std::size_t i = 0; !few && i < kWaitersPerPass; ++i) {
    next = next == requests->end() ? requests->begin() : next;
    memory_.looked_at = next->first;
    if (timely(next->second) && !wanted(next->second)) {
      gone.push_back(next->first);
    }
    ++next;
  }
  for (const std::int64_t id : gone) {
    MIG_TRY(store_.dequeue(id));
  }
  left_.insert(left_.end(), gone.begin(), gone.end());
  return {};
}

Result<std::uint32_t> TurnTaker::reap(bool everybody) {
  MIG_TRY(read());
  std::uint32_t ended = 0;
  const holders::LifeRoots roots{settings_.proc, settings_.cgroups, &memory_.units};
  std::vector<store::LeaseRow> live;
  live.reserve(leases_.size());
  for (store::LeaseRow& lease : leases_) {
    const holders::Life life = holders::life_of(lease, now_, roots);
    if (life == holders::Life::kLive) {
      live.push_back(std::move(lease));
      continue;
    }
    if (is_ending(lease)) {
      MIG_TRY(remove(lease, kEnded, lease.uid));  // of an earlier boot
      ++ended;
      continue;
    }
    MIG_ASSIGN_OR_RETURN(const bool gone, end(lease, why_over(life), lease.uid));
    ended += gone ? 1 : 0;
    if (!gone) {
      live.push_back(std::move(lease));
    }
  }
  leases_ = std::move(live);
  MIG_TRY(reap_requests(everybody));
  return ended;
}

void TurnTaker::add_usage(const std::vector<store::UsageRow>& usage, Machine& machine) const {
  const Tenants& tenants = settings_.tenants;
  for (const store::UsageRow& row : usage) {
    TenantShare& share = machine.tenants[tenants.counted_as(row.tenant)];
    share.used += used_by(row);
    if (row.uid != store::UsageRow::kAllUsers) {
      share.used_by[static_cast<std::uint32_t>(row.uid)] += used_by(row);
    }
  }
  const auto sharers = leases_by_instance(leases_);
  for (const store::LeaseRow& lease : leases_) {
    TenantShare& share = machine.tenants[tenants.counted_as(lease.tenant)];
    const double slice_ms = due(lease, sharers.at(lease.instance.uuid));
    share.used += slice_ms;
    share.used_by[lease.uid] += slice_ms;
  }
}

Result<Machine> TurnTaker::machine_of(const Inventory& inventory) {
  const Tenants& tenants = settings_.tenants;
  Machine machine;
  machine.seats = seats_of(inventory);
  machine.creating_for = memory_.creating_for;
  machine.busy_ms = tenants.default_time_ms;
  std::map<std::string, Seat*> by_uuid;
  for (Seat& seat : machine.seats) {
    by_uuid[seat.instance.uuid] = &seat;
  }
  const auto share_of = [](const Tenant& limits) {
    return TenantShare{limits.weight, 0, limits.quota, limits.per_user, {}};
  };
  for (const Tenant& tenant : tenants.tenants) {
    machine.tenants[tenant.name] = share_of(tenant);
  }
  if (tenants.from_file) {
    machine.tenants[Tenants::kOthers] = share_of(tenants.others);
  }
  MIG_ASSIGN_OR_RETURN(const std::vector<store::UsageRow> usage, store_.usage());
  add_usage(usage, machine);
  for (const auto& [user, lasts] : memory_.lasts_ms) {
    machine.tenants[tenants.counted_as(user.first)].lasts_by[user.second] = lasts;
  }
  for (const store::LeaseRow& lease : leases_) {
    // A lease of a destroyed instance stays until its holder ends; it blocks no other request.
    const auto seat = by_uuid.find(lease.instance.uuid);
    if (seat != by_uuid.end()) {
      seat->second->held.push_back(
          {lease.id,
           tenants.counted_as(lease.tenant),
           lease.shared,
           lease.holder.is_external() ? kNeverPreempted : lease.priority,
           soonest_end(lease, now_),
           lease.notice_boot_ms.has_value() || is_ending(lease),
           lease.uid,
           assumed_left(holders::elapsed_ms(lease, now_), tenants.assumed_ms(lease.tenant))});
    }
  }
  for (const UnleasedProcess& process : settings_.unleased) {
    const auto seat = by_uuid.find(process.instance.uuid);
    const std::pair user(tenants.counted_as(process.tenant), process.uid);
    if (seat != by_uuid.end() &&
        std::count(seat->second->unleased.begin(), seat->second->unleased.end(), user) == 0 &&
        is_there(process, settings_.proc)) {
      seat->second->unleased.push_back(user);
    }
  }
  return machine;
}

Result<Decisions> TurnTaker::foresee(const Inventory& inventory, const Depth& depth) {
  MIG_TRY(read());
  const holders::LifeRoots roots{settings_.proc, settings_.cgroups, &memory_.units};
  leases_ = as_they_stand(leases_, now_, roots, settings_.nothing_left);
  MIG_ASSIGN_OR_RETURN(const Machine machine, machine_of(inventory));
  Decisions decided;
  if (depth.all) {
    MIG_ASSIGN_OR_RETURN(const store::Leases::Requests* requests, store_.waiting());
    Queue queue;
    const bool few = requests->size() <= kWaitersPerPass;
    for (const auto& [id, row] : *requests) {
      if (few ? wanted(row) : timely(row)) {
        queue.add(waiting_of(row, settings_.tenants));
      }
    }
    judge_shapes(inventory, queue);
    decided = schedule(machine, queue, depth);
  } else {
    MIG_TRY(read_queue());
    judge(inventory);
    decided = schedule(machine, memory_.queue, depth);
  }
  waiting_ = decided.waiting;
  return decided;
}

Result<void> TurnTaker::grant(const Machine& machine, const Grant& grant, Turn& turn) {
  MIG_ASSIGN_OR_RETURN(const store::Leases::Requests* requests, store_.waiting());
  const store::RequestRow request = requests->at(grant.request);
  for (const std::string& uuid : grant.uuids) {
    const auto seat =
        std::find_if(machine.seats.begin(), machine.seats.end(), [&](const Seat& candidate) {
          return candidate.instance.uuid == uuid;
        });
    store::LeaseRow lease = lease_row(request, seat->instance, now_);
    if (lease.shared > 1) {
      MIG_TRY(settle(uuid));
    }
    MIG_ASSIGN_OR_RETURN(lease.id, store_.add(lease));
    MIG_TRY(note(lease, "granted", lease.uid));
    if (request.caller.by_uid) {
      MIG_TRY(note(lease, "asked for by", *request.caller.by_uid));
    }
    lasting_ = lasting_ || lease.holder.lasts();
    turn.granted.push_back(lease_of(lease, now_));
  }
  MIG_TRY(store_.dequeue(request.id));
  return {};
}

// Asks the holder to end, once; after the grace period the lease ends. True: it is removed.
Result<bool> TurnTaker::signal(store::LeaseRow& lease, Turn& turn) {
  const bool over = *lease.notice_boot_ms + lease.notice_grace_ms.value_or(0) - now_.boot_ms <= 0;
  const bool process = lease.stoppable && lease.holder.kind == LeaseHolder::Kind::kProcess;
  if (over) {
    return end(lease, kPreempted, lease.uid);
  }
  if (lease.signalled > 0) {
    return false;
  }
  if (process) {
    turn.signals.push_back({lease, "a job of higher priority needs " + lease.instance.uuid});
  }
  lease.signalled = 1;
  MIG_TRY(store_.set_notice(lease));
  return false;
}

Result<void> TurnTaker::notices(const std::vector<Preemption>& preemptions, Turn& turn) {
  for (store::LeaseRow& lease : leases_) {
    const auto asked = std::find_if(
        preemptions.begin(), preemptions.end(), [&](const auto& p) { return p.lease == lease.id; });
    if (asked != preemptions.end() && !lease.notice_boot_ms && !is_ending(lease)) {
      lease.notice_boot_ms = now_.boot_ms;
      // The time to end is the site's: who asks has no say in it.
      lease.notice_grace_ms = settings_.tenants.preemption.grace_ms;
      MIG_TRY(store_.set_notice(lease));
      MIG_TRY(note(lease, "asked to make room", lease.uid));
    }
    if (lease.notice_boot_ms && !is_ending(lease)) {
      MIG_ASSIGN_OR_RETURN(const bool ended, signal(lease, turn));
      turn.ended += ended ? 1 : 0;
    }
  }
  return {};
}

Result<Turn> TurnTaker::take(const Inventory& inventory, bool reap, const Depth& depth) {
  Turn turn;
  if (reap) {
    MIG_ASSIGN_OR_RETURN(turn.ended, this->reap());
  } else {
    MIG_TRY(read());
  }
  MIG_ASSIGN_OR_RETURN(const Machine machine, machine_of(inventory));
  Decisions decided;
  for (bool again = true; again;) {
    MIG_TRY(read_queue());
    judge(inventory);
    decided = schedule(machine, memory_.queue, depth);
    again = false;
    MIG_ASSIGN_OR_RETURN(const store::Leases::Requests* requests, store_.waiting());
    for (const Grant& granted : decided.grants) {
      // A grant to a request whose waiter has just died would keep an instance from the others.
      if (!wanted(requests->at(granted.request))) {
        MIG_TRY(store_.dequeue(granted.request));
        left_.push_back(granted.request);
        again = true;
      }
    }
  }
  for (const Grant& granted : decided.grants) {
    MIG_TRY(grant(machine, granted, turn));
  }
  MIG_TRY(notices(decided.preemptions, turn));
  turn.creations = std::move(decided.creations);
  turn.left = left_;
  waiting_ = std::move(decided.waiting);
  return turn;
}

}  // namespace mig::lease
