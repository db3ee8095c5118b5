// SPDX-License-Identifier: Apache-2.0
// The part of Leases that keeps which instances were made for requests.
#include <utility>

#include <fmt/format.h>

#include "holders/lease_life.h"
#include "lease/lease.h"

namespace mig::lease {
namespace {

store::AuditRow event_of(const MadeInstance& made,
                         const std::string& action,
                         std::uint32_t uid,
                         const holders::Moment& now) {
  store::AuditRow row;
  row.at_ms = now.wall_ms;
  row.lease = made.made_for.lease;
  row.uid = uid;
  row.action = action;
  row.tenant = made.made_for.tenant;
  row.instance = fmt::format("{} on {} gi={} (change {})",
                             made.profile,
                             made.gpu_uuid,
                             made.gpu_instance.value,
                             made.change);
  return row;
}

}  // namespace

Result<std::optional<Caller>> Leases::caller_of(std::int64_t ticket) {
  MIG_ASSIGN_OR_RETURN(const auto row, store_.request(ticket));
  return row ? std::optional(row->caller) : std::nullopt;
}

Result<std::vector<Need>> Leases::wanted() {
  MIG_ASSIGN_OR_RETURN(const auto rows, store_.requests());
  std::vector<Need> needs;
  needs.reserve(rows.size());
  for (const store::RequestRow& row : rows) {
    needs.push_back(row.need);
  }
  return needs;
}

Result<std::vector<MadeInstance>> Leases::made() {
  return store_.made();
}

Result<std::int64_t> Leases::made_upto() {
  return store_.made_upto();
}

Result<void> Leases::remember_made(const std::vector<MadeInstance>& made, std::int64_t upto) {
  return store_.transaction([&]() -> Result<void> {
    for (const MadeInstance& one : made) {
      MIG_TRY(store_.set_made(one));
    }
    return store_.set_made_upto(upto);
  });
}

Result<void> Leases::keep_made(const MadeInstance& made) {
  return store_.set_made(made);
}

Result<void> Leases::credit_made(const MadeInstance& made, const Lease& lease) {
  const holders::Moment now = moment();
  return store_.transaction([&]() -> Result<void> {
    MIG_TRY(store_.set_made(made));
    return store_.note(event_of(made, "instance made", lease.uid, now));
  });
}

Result<void> Leases::forget_made(std::int64_t change) {
  MIG_TRY(store_.forget_made(change));
  return {};
}

Result<void> Leases::reclaimed(const MadeInstance& made, std::uint32_t by_uid) {
  const holders::Moment now = moment();
  return store_.transaction([&]() -> Result<void> {
    MIG_ASSIGN_OR_RETURN(const bool was_there, store_.forget_made(made.change));
    return was_there ? store_.note(event_of(made, "instance reclaimed", by_uid, now))
                     : Result<void>();
  });
}

}  // namespace mig::lease
