// SPDX-License-Identifier: Apache-2.0
#include "lease/turn.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "holders/process_facts.h"
#include "lease/admission.h"
#include "lease/rows.h"

namespace mig::lease {
namespace {

// Half-life of recorded usage.
constexpr double kHalfLifeMs = 24.0 * 3600 * 1000;

double slice_ms(const store::LeaseRow& lease, const holders::Moment& now) {
  return static_cast<double>(lease.instance.slices) *
         static_cast<double>(holders::elapsed_ms(lease, now)) /
         static_cast<double>(std::max(lease.shared, 1U));
}

bool outlasts(const store::LeaseRow& lease) {
  return lease.holder.kind == LeaseHolder::Kind::kTime;
}

std::string instance_text(const store::LeaseRow& lease) {
  return fmt::format("{} ({})", lease.instance.str(), lease.instance.uuid);
}

// The earlier end of the lease: its limit or its grace period.
std::optional<std::int64_t> soonest_end(const store::LeaseRow& lease, const holders::Moment& now) {
  std::optional<std::int64_t> left = holders::left_ms(lease, now);
  if (lease.notice_boot_ms && lease.notice_grace_ms) {
    const std::int64_t grace =
        std::max<std::int64_t>(*lease.notice_boot_ms + *lease.notice_grace_ms - now.boot_ms, 0);
    left = left ? std::min(*left, grace) : grace;
  }
  return left;
}

}  // namespace

Result<void> TurnTaker::note(const store::LeaseRow& lease,
                             const std::string& action,
                             std::int64_t uid) {
  store::AuditRow row;
  row.at_ms = now_.wall_ms;
  row.lease = lease.id;
  row.uid = uid;
  row.action = action;
  row.tenant = lease.tenant;
  row.instance = instance_text(lease);
  row.detail = lease.job;
  return store_.note(row);
}

double TurnTaker::used_by(const store::UsageRow& row) const {
  const double age = static_cast<double>(std::max<std::int64_t>(now_.wall_ms - row.updated_ms, 0));
  return static_cast<double>(row.slice_seconds) * 1000 * std::exp2(-age / kHalfLifeMs);
}

Result<void> TurnTaker::end(const store::LeaseRow& lease,
                            const std::string& action,
                            std::int64_t by_uid) {
  MIG_ASSIGN_OR_RETURN(const bool was_there, store_.remove(lease.id));
  if (!was_there) {
    return {};
  }
  lasting_ = lasting_ || outlasts(lease);
  MIG_ASSIGN_OR_RETURN(const std::vector<store::UsageRow> usage, store_.usage());
  double used = slice_ms(lease, now_);
  for (const store::UsageRow& row : usage) {
    used += row.tenant == lease.tenant ? used_by(row) : 0;
  }
  MIG_TRY(store_.set_usage(
      {lease.tenant, static_cast<std::int64_t>(std::llround(used / 1000)), now_.wall_ms}));
  return note(lease, action, by_uid);
}

const Outlook* TurnTaker::outlook_of(std::int64_t request) const {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const Outlook& outlook) {
    return outlook.request == request;
  });
  return found == waiting_.end() ? nullptr : &*found;
}

bool TurnTaker::wanted(const store::RequestRow& request) const {
  if (request.boot_id != now_.boot_id) {
    return false;
  }
  if (now_.boot_ms - request.since_boot_ms > request.wait_ms) {
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
  MIG_ASSIGN_OR_RETURN(requests_, store_.requests());
  return {};
}

Result<std::uint32_t> TurnTaker::reap() {
  MIG_TRY(read());
  std::uint32_t ended = 0;
  const holders::LifeRoots roots{settings_.proc, settings_.cgroups, &units_};
  std::vector<store::LeaseRow> live;
  live.reserve(leases_.size());
  for (store::LeaseRow& lease : leases_) {
    const holders::Life life = holders::life_of(lease, now_, roots);
    if (life == holders::Life::kLive) {
      live.push_back(std::move(lease));
      continue;
    }
    MIG_TRY(end(lease, life == holders::Life::kExpired ? "expired" : "holder ended", lease.uid));
    ++ended;
  }
  leases_ = std::move(live);
  std::vector<store::RequestRow> waiting;
  waiting.reserve(requests_.size());
  for (store::RequestRow& request : requests_) {
    if (wanted(request)) {
      waiting.push_back(std::move(request));
      continue;
    }
    MIG_TRY(store_.dequeue(request.id));
  }
  requests_ = std::move(waiting);
  return ended;
}

Result<Machine> TurnTaker::machine_of(const Inventory& inventory) {
  Machine machine;
  machine.seats = seats_of(inventory);
  std::map<std::string, Seat*> by_uuid;
  for (Seat& seat : machine.seats) {
    by_uuid[seat.instance.uuid] = &seat;
  }
  for (const Tenant& tenant : settings_.tenants.tenants) {
    machine.tenants[tenant.name] = {tenant.weight, 0, tenant.quota};
  }
  MIG_ASSIGN_OR_RETURN(const std::vector<store::UsageRow> usage, store_.usage());
  for (const store::UsageRow& row : usage) {
    machine.tenants[row.tenant].used = used_by(row);
  }
  for (const store::LeaseRow& lease : leases_) {
    machine.tenants[lease.tenant].used += slice_ms(lease, now_);
    // A lease of a destroyed instance stays until its holder ends; it blocks no other request.
    const auto seat = by_uuid.find(lease.instance.uuid);
    if (seat != by_uuid.end()) {
      seat->second->held.push_back({lease.id,
                                    lease.tenant,
                                    lease.shared,
                                    lease.priority,
                                    soonest_end(lease, now_),
                                    lease.notice_boot_ms.has_value()});
    }
  }
  return machine;
}

std::vector<Waiting> TurnTaker::queue_of(const Inventory& inventory) const {
  std::vector<Waiting> queue;
  queue.reserve(requests_.size());
  for (const store::RequestRow& request : requests_) {
    Waiting& waiting = queue.emplace_back(waiting_of(request, now_));
    if (waiting.create) {
      waiting.made = smallest_makeable(inventory, waiting.need);
    }
  }
  return queue;
}

Result<Decisions> TurnTaker::foresee(const Inventory& inventory) {
  MIG_TRY(read());
  const holders::LifeRoots roots{settings_.proc, settings_.cgroups, &units_};
  std::erase_if(leases_, [&](const store::LeaseRow& lease) {
    return holders::life_of(lease, now_, roots) != holders::Life::kLive;
  });
  std::erase_if(requests_, [&](const store::RequestRow& request) { return !wanted(request); });
  MIG_ASSIGN_OR_RETURN(const Machine machine, machine_of(inventory));
  const std::vector<Waiting> queue = queue_of(inventory);
  Decisions decided = schedule(machine, queue);
  waiting_ = decided.waiting;
  return decided;
}

Result<void> TurnTaker::grant(const Machine& machine, const Grant& grant, Turn& turn) {
  const auto request = std::find_if(
      requests_.begin(), requests_.end(), [&](const auto& row) { return row.id == grant.request; });
  for (const std::string& uuid : grant.uuids) {
    const auto seat =
        std::find_if(machine.seats.begin(), machine.seats.end(), [&](const Seat& candidate) {
          return candidate.instance.uuid == uuid;
        });
    store::LeaseRow lease = lease_row(*request, seat->instance, now_);
    MIG_ASSIGN_OR_RETURN(lease.id, store_.add(lease));
    MIG_TRY(note(lease, "granted", lease.uid));
    lasting_ = lasting_ || outlasts(lease);
    turn.granted.push_back(lease_of(lease, now_));
  }
  MIG_TRY(store_.dequeue(request->id));
  requests_.erase(request);
  return {};
}

// Sends SIGTERM once, and SIGKILL repeatedly after the grace period. True: the lease was ended
// here, since there is no process to signal.
Result<bool> TurnTaker::signal(store::LeaseRow& lease, Turn& turn) {
  const bool over = *lease.notice_boot_ms + lease.notice_grace_ms.value_or(0) - now_.boot_ms <= 0;
  const bool process = lease.stoppable && lease.holder.kind == LeaseHolder::Kind::kProcess;
  if (over && !process) {
    MIG_TRY(end(lease, "preempted", lease.uid));
    return true;
  }
  const std::int64_t stage = over ? 2 : 1;
  if (process && (over || lease.signalled < stage)) {
    turn.signals.push_back({lease.id,
                            lease.holder,
                            lease.heir,
                            over,
                            "a job of higher priority needs " + lease.instance.uuid});
  }
  if (lease.signalled < stage) {
    lease.signalled = stage;
    MIG_TRY(store_.set_notice(lease));
  }
  return false;
}

Result<void> TurnTaker::notices(const std::vector<Preemption>& preemptions, Turn& turn) {
  for (store::LeaseRow& lease : leases_) {
    const auto asked = std::find_if(
        preemptions.begin(), preemptions.end(), [&](const auto& p) { return p.lease == lease.id; });
    if (asked != preemptions.end() && !lease.notice_boot_ms) {
      const auto by = std::find_if(requests_.begin(), requests_.end(), [&](const auto& row) {
        return row.id == asked->request;
      });
      lease.notice_boot_ms = now_.boot_ms;
      lease.notice_grace_ms = by == requests_.end() ? 0 : by->grace_ms;
      MIG_TRY(store_.set_notice(lease));
      MIG_TRY(note(lease, "asked to make room", lease.uid));
    }
    if (lease.notice_boot_ms) {
      MIG_ASSIGN_OR_RETURN(const bool ended, signal(lease, turn));
      turn.ended += ended ? 1 : 0;
    }
  }
  return {};
}

Result<Turn> TurnTaker::take(const Inventory& inventory, bool reap) {
  Turn turn;
  if (reap) {
    MIG_ASSIGN_OR_RETURN(turn.ended, this->reap());
  } else {
    MIG_TRY(read());
  }
  MIG_ASSIGN_OR_RETURN(const Machine machine, machine_of(inventory));
  const std::vector<Waiting> queue = queue_of(inventory);
  Decisions decided = schedule(machine, queue);
  for (const Grant& granted : decided.grants) {
    MIG_TRY(grant(machine, granted, turn));
  }
  MIG_TRY(notices(decided.preemptions, turn));
  turn.creations = std::move(decided.creations);
  waiting_ = std::move(decided.waiting);
  return turn;
}

}  // namespace mig::lease
