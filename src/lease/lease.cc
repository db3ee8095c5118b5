// SPDX-License-Identifier: Apache-2.0
#include "lease/lease.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "holders/lease_life.h"
#include "holders/process_facts.h"
#include "lease/admission.h"
#include "lease/rows.h"
#include "lease/turn.h"

namespace mig::lease {
namespace {

Error none_of_that_id(std::int64_t lease) {
  return Error{ErrorCode::kNotFound,
               fmt::format("there is no lease {}, or it is not yours", lease),
               "`migctl lease list` shows those that you may see",
               {},
               {}};
}

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
  entry.reason = "waits for " + outlook.reason;
  if (!row.reason.empty()) {
    entry.reason += "; " + row.reason;
  }
  entry.forecast_ms = outlook.start_in_ms;
  return entry;
}

}  // namespace

Leases::Leases(store::Leases store, Settings settings)
    : store_(std::move(store)), settings_(std::move(settings)) {
  if (settings_.clock == nullptr) {
    settings_.clock = &base::system_clock();
  }
}

Result<Leases> Leases::open(const std::string& path, const Settings& settings) {
  MIG_ASSIGN_OR_RETURN(store::Leases store, store::Leases::open(path));
  return Leases(std::move(store), settings);
}

holders::Moment Leases::moment() const {
  return holders::read_moment(*settings_.clock, settings_.proc);
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
    leases.push_back(lease_of(row, now));
  }
  return leases;
}

// Checks the queue's length limits; requests of dead waiters that are not yet removed do not count.
Result<void> Leases::check_room(const LeaseRequest& request, TurnTaker& taker) {
  const std::string& tenant = request.caller.tenant;
  store::Crowd crowd;
  for (const bool reaped : {false, true}) {
    MIG_ASSIGN_OR_RETURN(crowd, store_.crowd(tenant));
    if (crowd.waiting < settings_.most_waiting &&
        crowd.of_tenant < settings_.most_waiting_per_tenant) {
      return {};
    }
    if (!reaped) {
      MIG_TRY(taker.reap());
    }
  }
  return fail(ErrorCode::kNoCapacity,
              fmt::format("the queue is full: {} requests wait, {} of them of tenant {}",
                          crowd.waiting,
                          crowd.of_tenant,
                          tenant),
              "try again later; `migctl lease queue` shows who waits for what");
}

// Enqueues the request; idempotent by its key.
Result<std::int64_t> Leases::enter(const LeaseRequest& request,
                                   TurnTaker& taker,
                                   const holders::Moment& now) {
  MIG_ASSIGN_OR_RETURN(const auto held, store_.leases_of_key(request.key));
  if (!held.empty()) {
    return held.front().request;
  }
  MIG_ASSIGN_OR_RETURN(const auto same, store_.request_of_key(request.key));
  if (same) {
    MIG_TRY(store_.set_waiter(same->id, request.waiter));
    return same->id;
  }
  MIG_TRY(check_room(request, taker));
  return store_.enqueue(request_row(request, now));
}

Result<Ticket> Leases::submit(const LeaseRequest& asked, const Inventory& inventory) {
  LeaseRequest request = asked;
  MIG_TRY(check_numbers(request));
  MIG_TRY(check_possible(request, inventory));
  const Tenant* tenant = settings_.tenants.find(request.caller.tenant);
  MIG_TRY(check_tenant(request, inventory, tenant));
  if (tenant != nullptr && tenant->job_time_ms && !request.limit_ms) {
    request.limit_ms = tenant->job_time_ms;
  }
  const holders::Moment now = moment();
  Ticket ticket;
  std::optional<Error> refused;
  TurnTaker taker(store_, settings_, now, units_);
  const auto body = [&]() -> Result<void> {
    MIG_ASSIGN_OR_RETURN(ticket.id, enter(request, taker, now));
    MIG_ASSIGN_OR_RETURN(const Turn turn, taker.take(inventory, reap_now(now)));
    remember(turn);
    MIG_ASSIGN_OR_RETURN(ticket.granted, granted_to(ticket.id));
    if (!ticket.granted.empty()) {
      return {};
    }
    ticket.waiting = waiting_as(ticket.id, taker, now);
    if (request.wait_ms > 0) {
      return {};
    }
    MIG_TRY(store_.dequeue(ticket.id));
    refused = not_now(request, taker.outlook_of(ticket.id));
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

std::optional<QueueEntry> Leases::waiting_as(std::int64_t ticket,
                                             const TurnTaker& taker,
                                             const holders::Moment& now) {
  if (const Outlook* outlook = taker.outlook_of(ticket)) {
    for (const store::RequestRow& row : taker.requests()) {
      if (row.id == ticket) {
        return entry_of(row, *outlook, now);
      }
    }
  }
  return std::nullopt;
}

Result<Ticket> Leases::look(std::int64_t id, const Inventory& inventory) {
  Ticket ticket;
  ticket.id = id;
  MIG_ASSIGN_OR_RETURN(ticket.granted, granted_to(id));
  if (!ticket.granted.empty()) {
    return ticket;
  }
  const holders::Moment now = moment();
  TurnTaker taker(store_, settings_, now, units_);
  const auto body = [&]() -> Result<void> {
    MIG_ASSIGN_OR_RETURN(const Turn turn, taker.take(inventory, reap_now(now)));
    remember(turn);
    MIG_ASSIGN_OR_RETURN(ticket.granted, granted_to(id));
    if (ticket.granted.empty()) {
      ticket.waiting = waiting_as(id, taker, now);
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
    standing.granted[row.request].push_back(lease_of(row, now));
  }
  standing.waiting.insert(requests.begin(), requests.end());
  return standing;
}

Result<void> Leases::cancel(std::int64_t ticket) {
  const holders::Moment now = moment();
  TurnTaker taker(store_, settings_, now, units_);
  return commit(taker, [&]() -> Result<void> {
    MIG_TRY(store_.dequeue(ticket));
    MIG_ASSIGN_OR_RETURN(const auto rows, store_.leases_of_request(ticket));
    for (const store::LeaseRow& row : rows) {
      MIG_TRY(taker.end(row, "given back", row.uid));
    }
    return {};
  });
}

Result<void> Leases::explain(std::int64_t ticket, const std::string& why) {
  return store_.transaction([&] { return store_.set_reason(ticket, why); });
}

Result<Turn> Leases::turn(const Inventory& inventory, bool reap) {
  const holders::Moment now = moment();
  Turn turn;
  TurnTaker taker(store_, settings_, now, units_);
  const auto body = [&]() -> Result<void> {
    MIG_ASSIGN_OR_RETURN(turn, taker.take(inventory, reap || reap_now(now)));
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
}

Turn Leases::take_pending() {
  return std::exchange(pending_, {});
}

Result<Lease> Leases::release(std::int64_t lease, const std::string& tenant, std::uint32_t by_uid) {
  const holders::Moment now = moment();
  std::optional<Lease> released;
  TurnTaker taker(store_, settings_, now, units_);
  const auto body = [&]() -> Result<void> {
    MIG_ASSIGN_OR_RETURN(const auto rows, store_.leases());
    for (const store::LeaseRow& row : rows) {
      if (row.id != lease || (!tenant.empty() && row.tenant != tenant)) {
        continue;
      }
      released = lease_of(row, now);
      MIG_TRY(taker.end(row, "released", by_uid));
    }
    return {};
  };
  MIG_TRY(commit(taker, body));
  if (!released) {
    return none_of_that_id(lease);
  }
  return *std::move(released);
}

Result<void> Leases::change_holder(std::int64_t lease,
                                   const std::string& tenant,
                                   const std::function<Result<void>(store::LeaseRow&)>& change) {
  bool found = false;
  const auto body = [&]() -> Result<void> {
    MIG_ASSIGN_OR_RETURN(auto rows, store_.leases());
    for (store::LeaseRow& row : rows) {
      if (row.id != lease || (!tenant.empty() && row.tenant != tenant)) {
        continue;
      }
      found = true;
      MIG_TRY(change(row));
      MIG_TRY(store_.set_holder(row));
    }
    return {};
  };
  MIG_TRY(store_.transaction(body));
  if (!found) {
    return none_of_that_id(lease);
  }
  return {};
}

Result<void> Leases::rebind(std::int64_t lease,
                            const std::string& tenant,
                            const LeaseHolder& holder) {
  const holders::Moment now = moment();
  const auto change = [&](store::LeaseRow& row) -> Result<void> {
    if (holder.kind == LeaseHolder::Kind::kTime && !row.limit_ms) {
      return fail(ErrorCode::kUsage,
                  fmt::format("lease {} has no time limit, so it needs a holder", lease),
                  "name a process or a unit");
    }
    // The lease's elapsed time carries over into this boot's clock.
    row.granted_boot_ms = now.boot_ms - holders::elapsed_ms(row, now);
    row.boot_id = now.boot_id;
    row.holder = holder;
    row.heir = {};
    return {};
  };
  MIG_TRY(change_holder(lease, tenant, change));
  return holder.kind == LeaseHolder::Kind::kTime ? store_.flush() : Result<void>();
}

Result<void> Leases::bequeath(std::int64_t lease,
                              const std::string& tenant,
                              const LeaseHolder& heir) {
  return change_holder(lease, tenant, [&](store::LeaseRow& row) -> Result<void> {
    if (row.holder.kind != LeaseHolder::Kind::kProcess) {
      return fail(ErrorCode::kUsage,
                  fmt::format("lease {} is bound to no process, so it has no heir", lease));
    }
    row.heir = heir;
    return {};
  });
}

Result<std::vector<Lease>> Leases::list(const Inventory* inventory) {
  const holders::Moment now = moment();
  const holders::LifeRoots roots{settings_.proc, settings_.cgroups, &units_};
  std::vector<Seat> seats;
  if (inventory != nullptr) {
    seats = seats_of(*inventory);
  }
  MIG_ASSIGN_OR_RETURN(const auto rows, store_.leases());
  std::vector<Lease> leases;
  leases.reserve(rows.size());
  for (const store::LeaseRow& row : rows) {
    if (holders::life_of(row, now, roots) != holders::Life::kLive) {
      continue;
    }
    Lease lease = lease_of(row, now);
    lease.vanished =
        inventory != nullptr && std::none_of(seats.begin(), seats.end(), [&](const Seat& seat) {
          return seat.instance.uuid == row.instance.uuid;
        });
    leases.push_back(std::move(lease));
  }
  std::stable_sort(leases.begin(), leases.end(), [](const Lease& a, const Lease& b) {
    return std::tie(a.instance.gpu, a.instance.gpu_instance, a.instance.compute_instance) <
           std::tie(b.instance.gpu, b.instance.gpu_instance, b.instance.compute_instance);
  });
  return leases;
}

Result<std::vector<QueueEntry>> Leases::queue(const Inventory& inventory) {
  const holders::Moment now = moment();
  TurnTaker taker(store_, settings_, now, units_);
  MIG_ASSIGN_OR_RETURN(const Decisions decided, taker.foresee(inventory));
  std::vector<QueueEntry> entries;
  entries.reserve(decided.waiting.size());
  for (const Outlook& outlook : decided.waiting) {
    for (const store::RequestRow& row : taker.requests()) {
      if (row.id == outlook.request) {
        entries.push_back(entry_of(row, outlook, now));
      }
    }
  }
  return entries;
}

Result<std::uint32_t> Leases::reap() {
  const holders::Moment now = moment();
  std::uint32_t ended = 0;
  TurnTaker taker(store_, settings_, now, units_);
  const auto body = [&]() -> Result<void> {
    MIG_ASSIGN_OR_RETURN(ended, taker.reap());
    return {};
  };
  MIG_TRY(commit(taker, body));
  return ended;
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
