// SPDX-License-Identifier: Apache-2.0
// What is leased: whose it is, its release and end, and what runs without a lease.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "holders/lease_life.h"
#include "lease/admission.h"
#include "lease/ending.h"
#include "lease/lease.h"
#include "lease/memory.h"
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

}  // namespace

Result<Lease> Leases::release(std::int64_t lease, const std::string& tenant, std::uint32_t by_uid) {
  const holders::Moment now = moment();
  std::optional<Lease> released;
  TurnTaker taker(store_, settings_, now, *memory_);
  const auto body = [&]() -> Result<void> {
    MIG_ASSIGN_OR_RETURN(auto rows, store_.leases());
    for (store::LeaseRow& row : rows) {
      if (row.id != lease || (!tenant.empty() && row.tenant != tenant)) {
        continue;
      }
      MIG_TRY(taker.end(row, kReleased, by_uid));
      released = lease_of(row, now);
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
      MIG_TRY(check_live(row));
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
    if (row.holder.is_external() || holder.is_external()) {
      return fail(ErrorCode::kUsage,
                  row.holder.is_external()
                      ? fmt::format("lease {} is kept by an external component ({}): it cannot be "
                                    "bound to anything else",
                                    lease,
                                    row.job)
                      : fmt::format("lease {} cannot be handed to an external component", lease),
                  "release it, and lease anew");
    }
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
  return holder.lasts() ? store_.flush() : Result<void>();
}

Result<store::LeaseRow> Leases::announce(
    std::int64_t lease,
    const std::string& tenant,
    const LeaseHolder& heir,
    const std::function<Result<std::string>(const store::LeaseRow&)>& cgroup) {
  std::optional<store::LeaseRow> announced;
  const auto body = [&]() -> Result<void> {
    MIG_ASSIGN_OR_RETURN(auto rows, store_.leases());
    for (store::LeaseRow& row : rows) {
      if (row.id != lease || (!tenant.empty() && row.tenant != tenant)) {
        continue;
      }
      MIG_TRY(check_announced(row));
      if (row.holder.kind != LeaseHolder::Kind::kProcess) {
        return fail(ErrorCode::kUsage,
                    fmt::format("lease {} is bound to no process, so it has no heir", lease));
      }
      MIG_ASSIGN_OR_RETURN(row.cgroup, cgroup(row));
      if (heir.kind == LeaseHolder::Kind::kProcess) {
        row.heir = heir;
      }
      MIG_TRY(store_.set_cgroup(row));
      announced = std::move(row);
    }
    return {};
  };
  MIG_TRY(store_.transaction(body));
  if (!announced) {
    return none_of_that_id(lease);
  }
  return *std::move(announced);
}

Result<bool> Leases::is_live(std::int64_t lease) {
  MIG_ASSIGN_OR_RETURN(const auto rows, store_.leases());
  return std::any_of(rows.begin(), rows.end(), [&](const store::LeaseRow& row) {
    return row.id == lease && !is_ending(row);
  });
}

Result<std::vector<Leases::Ending>> Leases::ending() {
  MIG_ASSIGN_OR_RETURN(auto rows, store_.ending_leases());
  std::vector<Ending> all;
  if (rows.empty()) {
    return all;
  }
  MIG_ASSIGN_OR_RETURN(const auto leases, store_.leases());
  const holders::Moment now = moment();
  all.reserve(rows.size());
  for (store::LeaseRow& row : rows) {
    const bool covered = is_covered(row, leases);
    const std::int64_t left = ending_left_ms(row, now);
    const std::int64_t since =
        std::max<std::int64_t>(now.boot_ms - row.ending_boot_ms.value_or(now.boot_ms), 0);
    all.push_back({std::move(row), covered, left, since});
  }
  return all;
}

Result<std::uint32_t> Leases::settle(const std::vector<Settled>& all) {
  const holders::Moment now = moment();
  std::uint32_t removed = 0;
  TurnTaker taker(store_, settings_, now, *memory_);
  const auto body = [&]() -> Result<void> {
    MIG_ASSIGN_OR_RETURN(auto rows, store_.ending_leases());
    for (store::LeaseRow& row : rows) {
      const auto seen = std::find_if(
          all.begin(), all.end(), [&](const Settled& one) { return one.lease == row.id; });
      if (seen == all.end()) {
        continue;
      }
      if (seen->processes == 0) {
        // An event of its own only where it took time.
        MIG_TRY(taker.remove(row, row.processes == 0 ? "" : kEnded, row.ending_by));
        ++removed;
      } else if (row.processes != seen->processes || row.ending_stage != seen->stage) {
        row.processes = seen->processes;
        row.ending_stage = std::max(row.ending_stage, seen->stage);
        MIG_TRY(store_.set_ending(row));
      }
    }
    return {};
  };
  MIG_TRY(commit(taker, body));
  return removed;
}

Result<std::vector<Lease>> Leases::list(const Inventory* inventory) {
  const holders::Moment now = moment();
  const holders::LifeRoots roots{settings_.proc, settings_.cgroups, &memory_->units};
  std::vector<Seat> seats;
  if (inventory != nullptr) {
    seats = seats_of(*inventory);
  }
  MIG_ASSIGN_OR_RETURN(const auto rows, store_.leases());
  std::vector<Lease> leases;
  leases.reserve(rows.size());
  for (const store::LeaseRow& row : as_they_stand(rows, now, roots, settings_.nothing_left)) {
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

Result<void> Leases::count_unleased(std::vector<UnleasedProcess> all,
                                    const std::vector<UnleasedProcess>& news) {
  settings_.unleased = std::move(all);
  if (news.empty()) {
    return {};
  }
  const holders::Moment now = moment();
  return store_.transaction([&]() -> Result<void> {
    for (const UnleasedProcess& process : news) {
      store::AuditRow row;
      row.at_ms = now.wall_ms;
      row.uid = process.uid;
      row.action = "without a lease";
      row.tenant = process.tenant;
      row.instance = instance_text(process.instance);
      row.detail = fmt::format("pid {} ({})", process.pid, process.command);
      MIG_TRY(store_.note(row));
    }
    return {};
  });
}

Result<std::uint32_t> Leases::reap() {
  const holders::Moment now = moment();
  std::uint32_t ended = 0;
  TurnTaker taker(store_, settings_, now, *memory_);
  const auto body = [&]() -> Result<void> {
    MIG_ASSIGN_OR_RETURN(ended, taker.reap());
    return {};
  };
  MIG_TRY(commit(taker, body));
  return ended;
}

}  // namespace mig::lease
