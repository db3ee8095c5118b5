// SPDX-License-Identifier: Apache-2.0
// A grant of a named instance past the queue.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "holders/lease_life.h"
#include "lease/admission.h"
#include "lease/ending.h"
#include "lease/lease.h"
#include "lease/rows.h"
#include "lease/schedule.h"
#include "lease/turn.h"

namespace mig::lease {
namespace {

std::string held_by(const store::LeaseRow& row) {
  return fmt::format("lease {} of {}{}{}",
                     row.id,
                     row.tenant,
                     row.job.empty() ? "" : " (" + row.job + ")",
                     is_ending(row) ? ", which is ending" : "");
}

// kNoCapacity when the instance would be beyond what the tenant, or its user, may have.
Result<void> check_quota(const LeaseRequest& request,
                         const Instance& instance,
                         const std::vector<store::LeaseRow>& rows,
                         const Tenants& tenants) {
  const Tenant& limits = tenants.limits_of(request.caller.tenant);
  const std::string counted = tenants.counted_as(request.caller.tenant);
  Amount of_tenant;
  Amount of_user;
  for (const store::LeaseRow& row : rows) {
    if (tenants.counted_as(row.tenant) == counted) {
      of_tenant.add(row.instance);
      if (row.uid == request.caller.uid) {
        of_user.add(row.instance);
      }
    }
  }
  Amount more;
  more.add(instance);
  std::string over = over_quota(limits.quota, of_tenant, more);
  if (over.empty()) {
    over = over_quota(limits.per_user, of_user, more, "the tenant's limit for each user");
  }
  if (over.empty()) {
    return {};
  }
  return fail(ErrorCode::kNoCapacity, "not leased: " + over);
}

Result<void> check_free(const std::vector<store::LeaseRow>& rows,
                        const Instance& instance,
                        const std::string& who) {
  const auto held = std::find_if(rows.begin(), rows.end(), [&](const store::LeaseRow& row) {
    return row.instance.uuid == instance.uuid;
  });
  if (held == rows.end() && who.empty()) {
    return {};
  }
  return fail(ErrorCode::kInUse,
              fmt::format("{} is not free: {}",
                          instance.str(),
                          held != rows.end() ? held_by(*held) : who + " runs there"),
              "migctl lease list and migctl holders show who has it");
}

bool same_place(const Instance& a, const Instance& b) {
  return a.uuid == b.uuid && a.gpu_uuid == b.gpu_uuid && a.gpu_instance == b.gpu_instance &&
         a.compute_instance == b.compute_instance;
}

// What a key may not do: have two instances, or the same one while its lease ends.
Result<void> check_own(const store::LeaseRow& own) {
  if (is_ending(own)) {
    return fail(
        ErrorCode::kInUse,
        fmt::format(
            "lease {} of that key is ending: {} of its processes left", own.id, own.processes),
        "try again when they are gone: migctl lease list");
  }
  return fail(ErrorCode::kConflict,
              fmt::format("the key has lease {} of {} already", own.id, own.instance.str()),
              "release it first: migctl lease release " + std::to_string(own.id));
}

}  // namespace

Result<Lease> Leases::grant_at_once(const LeaseRequest& request,
                                    const Instance& instance,
                                    const std::string& who,
                                    const std::function<bool(const std::string& uuid)>& exists) {
  MIG_TRY(check_numbers(request));
  MIG_TRY(
      check_rights(request, settings_.tenants.limits_of(request.caller.tenant), settings_.tenants));
  const holders::Moment now = moment();
  TurnTaker taker(store_, settings_, now, *memory_);
  std::optional<store::LeaseRow> granted;
  const auto body = [&]() -> Result<void> {
    MIG_ASSIGN_OR_RETURN(auto rows, store_.leases());
    const auto own = std::find_if(rows.begin(), rows.end(), [&](const store::LeaseRow& row) {
      return !request.key.empty() && row.key == request.key;
    });
    if (own != rows.end()) {
      if (!is_ending(*own) && same_place(own->instance, instance)) {
        granted = *own;
        return {};
      }
      if (own->instance.uuid != instance.uuid && exists(own->instance.uuid)) {
        return check_own(*own);
      }
      if (is_ending(*own) && exists(own->instance.uuid)) {
        return check_own(*own);
      }
      // Of an instance that is gone: a reboot, or another program.
      MIG_TRY(taker.remove(*own, kGivenBack, own->uid));
      rows.erase(own);
    }
    MIG_TRY(check_free(rows, instance, who));
    MIG_TRY(check_quota(request, instance, rows, settings_.tenants));
    // Each request has a number of its own, which its leases share.
    store::RequestRow row = request_row(request, now);
    MIG_ASSIGN_OR_RETURN(row.id, store_.enqueue(row));
    MIG_TRY(store_.dequeue(row.id));
    store::LeaseRow lease = lease_row(row, instance, now);
    MIG_ASSIGN_OR_RETURN(lease.id, store_.add(lease));
    MIG_TRY(taker.note(lease, "granted", lease.uid));
    granted = std::move(lease);
    return {};
  };
  MIG_TRY(store_.transaction(body));
  MIG_TRY(store_.flush());
  return lease_of(*granted, now);
}

}  // namespace mig::lease
