// SPDX-License-Identifier: Apache-2.0
#include "lease/lease.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/process_start.h"
#include "holders/lease_life.h"
#include "lease/admission.h"
#include "lease/ending.h"
#include "lease/memory.h"
#include "lease/rows.h"
#include "lease/turn.h"

namespace mig::lease {
namespace {

QueueEntry entry_of(const store::RequestRow& row,
                    const Outlook& outlook,
                    const holders::Moment& now) {
  QueueEntry entry;
  entry.id = row.id;
  entry.position = outlook.position;
  entry.need = row.need;
  entry.count = row.count;
  entry.shared = row.shared;
  entry.uid = row.caller.uid;
  entry.tenant = row.caller.tenant;
  entry.job = row.job;
  entry.priority = row.priority;
  entry.since_ms = row.since_ms;
  entry.gives_up_in_ms = std::max<std::int64_t>(row.wait_ms - (now.boot_ms - row.since_boot_ms), 0);
  entry.reason = "waits for " + (outlook.reason.empty() ? row.need.str() : outlook.reason);
  if (!row.reason.empty()) {
    entry.reason += "; " + row.reason;
  }
  entry.forecast_ms = outlook.start_in_ms;
  return entry;
}

}  // namespace

Leases::Leases(store::Leases store, Settings settings)
    : store_(std::move(store)),
      settings_(std::move(settings)),
      memory_(std::make_shared<Memory>()) {
  if (settings_.clock == nullptr) {
    settings_.clock = &base::system_clock();
  }
}

Result<Leases> Leases::open(const std::string& path, const Settings& settings) {
  MIG_ASSIGN_OR_RETURN(store::Leases store, store::Leases::open(path));
  return Leases(std::move(store), settings);
}

holders::Moment Leases::moment() const {
  if (boot_id_.empty()) {
    boot_id_ = base::boot_id(settings_.proc);  // is the same as long as this process lives
  }
  return holders::moment_of(*settings_.clock, boot_id_);
}

Result<void> Leases::commit(const TurnTaker& taker, const std::function<Result<void>()>& body) {
  MIG_TRY(store_.transaction(body));
  return taker.lasting() ? store_.flush() : Result<void>();
}

Result<std::vector<Lease>> Leases::granted_to(std::int64_t request) {
  MIG_ASSIGN_OR_RETURN(const auto rows, store_.leases_of_request(request));
  std::vector<Lease> leases;
  leases.reserve(rows.size());
  const holders::Moment now = moment();
  for (const store::LeaseRow& row : rows) {
    if (!is_ending(row)) {
      leases.push_back(lease_of(row, now));
    }
  }
  return leases;
}

// Whether the request, which is in the queue already, exceeds a limit of it. Requests of dead
// waiters that are not yet removed do not count.
Result<std::optional<Error>> Leases::no_room(const LeaseRequest& request, TurnTaker& taker) {
  const std::string& tenant = request.caller.tenant;
  if (tenant == Tenants::of_root().name && request.caller.uid == 0) {
    return std::optional<Error>();
  }
  const auto too_many = [&](const store::Crowd& crowd) {
    const std::int64_t most = settings_.most_waiting;
    const std::int64_t share = most / std::max<std::int64_t>(crowd.users, 1);
    return crowd.of_tenant > settings_.most_waiting_per_tenant ||
           crowd.of_user > settings_.most_waiting_per_user ||
           (crowd.waiting > most && crowd.of_user > std::max<std::int64_t>(share, 1)) ||
           crowd.waiting > 2 * most;
  };
  MIG_ASSIGN_OR_RETURN(store::Crowd crowd, store_.crowd(tenant, request.caller.uid));
  if (too_many(crowd)) {
    MIG_TRY(taker.reap(true));
    MIG_ASSIGN_OR_RETURN(crowd, store_.crowd(tenant, request.caller.uid));
  }
  if (!too_many(crowd)) {
    return std::optional<Error>();
  }
  return std::optional<Error>(
      Error{ErrorCode::kNoCapacity,
            fmt::format("the queue is full: {} other requests wait, {} of them of tenant {} and {} "
                        "of this user",
                        crowd.waiting - 1,
                        crowd.of_tenant - 1,
                        tenant,
                        crowd.of_user - 1),
            "try again later; `migctl lease queue` shows who waits for what",
            {},
            {}});
}

Result<std::optional<std::int64_t>> Leases::ticket_of(const std::string& key) {
  MIG_ASSIGN_OR_RETURN(const auto held, store_.leases_of_key(key));
  const auto live = std::find_if(
      held.begin(), held.end(), [](const store::LeaseRow& row) { return !is_ending(row); });
  if (live != held.end()) {
    return live->request;
  }
  MIG_ASSIGN_OR_RETURN(const auto waits, store_.request_of_key(key));
  return waits ? std::optional(waits->id) : std::nullopt;
}

// Enqueues the request; idempotent by its key.
Result<std::int64_t> Leases::enter(const LeaseRequest& request,
                                   const holders::Moment& now,
                                   bool& fresh) {
  fresh = false;
  MIG_ASSIGN_OR_RETURN(const auto known, ticket_of(request.key));
  if (known) {
    MIG_ASSIGN_OR_RETURN(const auto waits, store_.request_of_key(request.key));
    if (waits && waits->id == *known && waits->waiter != request.waiter) {
      MIG_TRY(store_.set_waiter(waits->id, request.waiter));
    }
    return *known;
  }
  fresh = true;
  return store_.enqueue(request_row(request, now));
}

Result<Depth> Leases::depth_for(std::int64_t ticket) {
  MIG_ASSIGN_OR_RETURN(const store::Leases::Requests* requests, store_.waiting());
  return Depth{requests->size() <= settings_.told_at_once, ticket};
}

Result<Ticket> Leases::submit(const LeaseRequest& asked, const Inventory& inventory) {
  LeaseRequest request = asked;
  MIG_TRY(check_numbers(request));
  MIG_TRY(check_possible(request, inventory));
  const Tenant& tenant = settings_.tenants.limits_of(request.caller.tenant);
  MIG_TRY(check_rights(request, tenant, settings_.tenants));
  MIG_TRY(check_tenant(request, inventory, tenant));
  if (tenant.job_time_ms && !request.limit_ms && !request.holder.is_external()) {
    request.limit_ms = tenant.job_time_ms;
  }
  const holders::Moment now = moment();
  Ticket ticket;
  std::optional<Error> refused;
  TurnTaker taker(store_, settings_, now, *memory_);
  const auto body = [&]() -> Result<void> {
    bool fresh = false;
    MIG_ASSIGN_OR_RETURN(ticket.id, enter(request, now, fresh));
    MIG_ASSIGN_OR_RETURN(const Depth depth, depth_for(ticket.id));
    if (fresh && request.wait_ms > 0 && !depth.all) {
      // One pass will do for many that come at once; a limit is no reason to refuse what it grants.
      MIG_ASSIGN_OR_RETURN(refused, no_room(request, taker));
      if (!refused) {
        MIG_ASSIGN_OR_RETURN(ticket.waiting, waiting_as(ticket.id, taker, now));
        return {};
      }
      refused.reset();
    }
    MIG_ASSIGN_OR_RETURN(const Turn turn, taker.take(inventory, reap_now(now), depth));
    remember(turn);
    MIG_ASSIGN_OR_RETURN(ticket.granted, granted_to(ticket.id));
    if (!ticket.granted.empty()) {
      return {};
    }
    MIG_ASSIGN_OR_RETURN(ticket.waiting, waiting_as(ticket.id, taker, now));
    if (request.wait_ms == 0) {
      refused = not_now(request, taker.outlook_of(ticket.id));
    } else if (fresh) {
      MIG_ASSIGN_OR_RETURN(refused, no_room(request, taker));
    }
    if (refused) {
      MIG_TRY(store_.dequeue(ticket.id));
    }
    return {};
  };
  MIG_TRY(commit(taker, body));
  if (refused) {
    return *std::move(refused);
  }
  return ticket;
}

Error Leases::not_now(const LeaseRequest& request, const Outlook* outlook) {
  const std::string why = outlook == nullptr ? "its holder has ended" : outlook->reason;
  const bool quota = outlook != nullptr && outlook->over_quota;
  return Error{quota ? ErrorCode::kNoCapacity : ErrorCode::kInUse,
               quota ? "not leased: " + why : "none is free: " + why,
               request.create ? "wait for one with --wait 10m"
                              : "wait for one with --wait 10m, or make one: --create",
               {},
               {}};
}

Result<std::optional<QueueEntry>> Leases::waiting_as(std::int64_t ticket,
                                                     const TurnTaker& taker,
                                                     const holders::Moment& now) {
  MIG_ASSIGN_OR_RETURN(const store::Leases::Requests* requests, store_.waiting());
  const auto row = requests->find(ticket);
  if (row == requests->end()) {
    return std::optional<QueueEntry>();
  }
  const Outlook* outlook = taker.outlook_of(ticket);
  return std::optional(entry_of(row->second, outlook == nullptr ? Outlook{} : *outlook, now));
}

Result<Ticket> Leases::look(std::int64_t id, const Inventory& inventory) {
  Ticket ticket;
  ticket.id = id;
  MIG_ASSIGN_OR_RETURN(ticket.granted, granted_to(id));
  if (!ticket.granted.empty()) {
    return ticket;
  }
  const holders::Moment now = moment();
  TurnTaker taker(store_, settings_, now, *memory_);
  const auto body = [&]() -> Result<void> {
    MIG_ASSIGN_OR_RETURN(const Turn turn, taker.take(inventory, reap_now(now), Depth{true, id}));
    remember(turn);
    MIG_ASSIGN_OR_RETURN(ticket.granted, granted_to(id));
    if (ticket.granted.empty()) {
      MIG_ASSIGN_OR_RETURN(ticket.waiting, waiting_as(id, taker, now));
    }
    return {};
  };
  MIG_TRY(commit(taker, body));
  return ticket;
}

Result<Ticket> Leases::peek(std::int64_t id) {
  Ticket ticket;
  ticket.id = id;
  MIG_ASSIGN_OR_RETURN(ticket.granted, granted_to(id));
  if (!ticket.granted.empty()) {
    return ticket;
  }
  MIG_ASSIGN_OR_RETURN(const auto waiting, store_.request_ids());
  QueueEntry entry;
  for (const std::int64_t request : waiting) {
    ++entry.position;
    if (request == id) {
      entry.id = id;
      ticket.waiting = entry;
      break;
    }
  }
  return ticket;
}

Result<Leases::Standing> Leases::standing() {
  Standing standing;
  MIG_ASSIGN_OR_RETURN(const auto leases, store_.leases());
  MIG_ASSIGN_OR_RETURN(const auto requests, store_.request_ids());
  const holders::Moment now = moment();
  for (const store::LeaseRow& row : leases) {
    if (is_ending(row)) {
      standing.ending = true;
    } else {
      standing.granted[row.request].push_back(lease_of(row, now));
    }
  }
  standing.waiting.insert(requests.begin(), requests.end());
  return standing;
}

Result<void> Leases::cancel(std::int64_t ticket) {
  const holders::Moment now = moment();
  TurnTaker taker(store_, settings_, now, *memory_);
  return commit(taker, [&]() -> Result<void> {
    MIG_TRY(store_.dequeue(ticket));
    MIG_ASSIGN_OR_RETURN(const auto rows, store_.leases_of_request(ticket));
    for (store::LeaseRow row : rows) {
      // Who was told of it may have started a job since; else there is nothing to wait for.
      const bool started = !row.cgroup.empty() ||
                           row.heir.kind == lease::LeaseHolder::Kind::kProcess ||
                           row.holder.is_external();
      if (started) {
        MIG_TRY(taker.end(row, kGivenBack, row.uid));
      } else {
        MIG_TRY(taker.remove(row, kGivenBack, row.uid));
      }
    }
    return {};
  });
}

Result<void> Leases::explain(std::int64_t ticket, const std::string& why) {
  return store_.transaction([&] { return store_.set_reason(ticket, why); });
}

void Leases::set_tenants(const Tenants& tenants) {
  settings_.tenants = tenants;
  memory_->queue_epoch.reset();  // it has the rights and tenants of before
}

void Leases::creating(std::int64_t request) {
  memory_->creating_for = request;
}

void Leases::cannot_make(const Need& need, std::uint64_t generation) {
  constexpr std::size_t kMost = 10'000;
  if (memory_->unmakeable.size() >= kMost) {
    memory_->unmakeable.clear();
  }
  memory_->unmakeable[need_text(need)] = generation;
  memory_->judge_again = true;
}

void Leases::try_again(const Need& need) {
  memory_->unmakeable.erase(need_text(need));
  memory_->judge_again = true;
}

Result<std::optional<QueueEntry>> Leases::entry(std::int64_t ticket, const Inventory& inventory) {
  const holders::Moment now = moment();
  TurnTaker taker(store_, settings_, now, *memory_);
  MIG_ASSIGN_OR_RETURN(const Depth depth, depth_for(ticket));
  MIG_TRY(taker.foresee(inventory, depth));
  return waiting_as(ticket, taker, now);
}

Result<Leases::Load> Leases::load() {
  MIG_ASSIGN_OR_RETURN(const store::Leases::Requests* requests, store_.waiting());
  MIG_ASSIGN_OR_RETURN(const store::Leases::Counts counts, store_.counts());
  return Load{requests->size(), counts.leases, counts.ending > 0};
}

Result<std::map<std::string, std::set<std::uint32_t>>> Leases::users() {
  MIG_ASSIGN_OR_RETURN(const auto rows, store_.leases());
  std::map<std::string, std::set<std::uint32_t>> users;
  for (const store::LeaseRow& row : rows) {
    if (row.uid != 0 && !is_ending(row)) {
      users[row.instance.uuid].insert(row.uid);
    }
  }
  return users;
}

Result<Turn> Leases::turn(const Inventory& inventory, bool reap) {
  const holders::Moment now = moment();
  Turn turn;
  TurnTaker taker(store_, settings_, now, *memory_);
  const auto body = [&]() -> Result<void> {
    MIG_ASSIGN_OR_RETURN(turn, taker.take(inventory, reap || reap_now(now), Depth{false, 0}));
    return {};
  };
  MIG_TRY(commit(taker, body));
  remember(turn);
  return std::exchange(pending_, {});
}

bool Leases::reap_now(const holders::Moment& now) {
  if (reaped_boot_ms_ >= 0 && now.boot_ms - reaped_boot_ms_ < settings_.reap_every_ms) {
    return false;
  }
  reaped_boot_ms_ = now.boot_ms;
  return true;
}

void Leases::remember(const Turn& turn) {
  pending_.granted.insert(pending_.granted.end(), turn.granted.begin(), turn.granted.end());
  pending_.ended += turn.ended;
  pending_.creations = turn.creations;
  pending_.signals.insert(pending_.signals.end(), turn.signals.begin(), turn.signals.end());
  pending_.left.insert(pending_.left.end(), turn.left.begin(), turn.left.end());
}

Turn Leases::take_pending() {
  return std::exchange(pending_, {});
}

Result<std::vector<QueueEntry>> Leases::queue(const Inventory& inventory) {
  const holders::Moment now = moment();
  TurnTaker taker(store_, settings_, now, *memory_);
  MIG_ASSIGN_OR_RETURN(const Decisions decided, taker.foresee(inventory, Depth{}));
  std::vector<QueueEntry> entries;
  entries.reserve(decided.waiting.size());
  MIG_ASSIGN_OR_RETURN(const store::Leases::Requests* requests, store_.waiting());
  for (const Outlook& outlook : decided.waiting) {
    if (const auto row = requests->find(outlook.request); row != requests->end()) {
      entries.push_back(entry_of(row->second, outlook, now));
    }
  }
  return entries;
}

Result<History> Leases::history(const EventFilter& filter) {
  if (filter.limit == 0 || filter.limit > EventFilter::kMostEvents) {
    return fail(ErrorCode::kUsage,
                fmt::format("{} events were asked for: 1 to {} come in one answer",
                            filter.limit,
                            EventFilter::kMostEvents));
  }
  store::AuditFilter wanted;
  if (!filter.tenant.empty()) {
    wanted.tenant = filter.tenant;
  }
  wanted.uid = filter.uid;
  wanted.since_ms = filter.since_ms;
  wanted.until_ms = filter.until_ms;
  wanted.before = filter.before;
  wanted.limit = static_cast<std::int64_t>(filter.limit) + 1;  // one more tells of a next page
  MIG_ASSIGN_OR_RETURN(std::vector<store::AuditRow> rows, store_.audit(wanted));
  History history;
  if (rows.size() > filter.limit) {
    rows.pop_back();
    history.next = rows.back().id;
  }
  for (store::AuditRow& row : rows) {
    history.events.push_back({row.id,
                              row.at_ms,
                              std::move(row.action),
                              row.lease,
                              std::move(row.tenant),
                              static_cast<std::uint32_t>(row.uid),
                              std::move(row.instance),
                              std::move(row.detail)});
  }
  return history;
}

}  // namespace mig::lease
