// SPDX-License-Identifier: Apache-2.0
// The end of leases: what is recorded of one, and charged to its user.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "lease/ending.h"
#include "lease/rows.h"
#include "lease/turn.h"

namespace mig::lease {
namespace {

// Half-life of recorded usage.
constexpr double kHalfLifeMs = 24.0 * 3600 * 1000;

// When the lease's time ended, Unix time: now by the boot clock; at its limit where nobody was
// there to see that and no process was left; at the boot where a reboot ended it.
std::int64_t end_of(const store::LeaseRow& lease, const holders::Moment& now) {
  std::int64_t lasted = holders::elapsed_ms(lease, now);
  if (lease.limit_ms && !is_ending(lease)) {
    lasted = std::min(lasted, *lease.limit_ms);
  }
  std::int64_t end = lease.granted_ms + lasted;
  if (lease.boot_id != now.boot_id && !lease.holder.lasts()) {
    end = std::min(end, now.wall_ms - now.boot_ms);
  }
  return std::max(end, lease.granted_ms);
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
  row.instance = instance_text(lease.instance);
  row.detail = lease.job;
  return store_.note(row);
}

double TurnTaker::used_by(const store::UsageRow& row) const {
  const double age = static_cast<double>(std::max<std::int64_t>(now_.wall_ms - row.updated_ms, 0));
  return static_cast<double>(row.slice_ms) * std::exp2(-age / kHalfLifeMs);
}

double TurnTaker::due(const store::LeaseRow& lease, std::size_t sharers) const {
  const auto time = std::max<std::int64_t>(holders::elapsed_ms(lease, now_) - lease.charged_ms, 0);
  return static_cast<double>(lease.instance.slices) * static_cast<double>(time) /
         static_cast<double>(std::max<std::size_t>(sharers, 1));
}

Result<void> TurnTaker::charge(const store::LeaseRow& lease, double slice_ms) {
  MIG_ASSIGN_OR_RETURN(const std::vector<store::UsageRow> usage, store_.usage());
  double used = slice_ms;
  for (const store::UsageRow& row : usage) {
    used += row.tenant == lease.tenant && row.uid == lease.uid ? used_by(row) : 0;
  }
  return store_.set_usage(
      {lease.tenant, lease.uid, static_cast<std::int64_t>(std::llround(used)), now_.wall_ms});
}

Result<void> TurnTaker::settle(const std::string& uuid) {
  MIG_ASSIGN_OR_RETURN(std::vector<store::LeaseRow> on, store_.leases());
  std::erase_if(on, [&](const store::LeaseRow& lease) { return lease.instance.uuid != uuid; });
  for (const store::LeaseRow& lease : on) {
    MIG_TRY(charge(lease, due(lease, on.size())));
    MIG_TRY(store_.set_charged(lease.id, holders::elapsed_ms(lease, now_)));
  }
  return {};
}

Result<bool> TurnTaker::end(store::LeaseRow& lease,
                            const std::string& action,
                            std::int64_t by_uid) {
  if (is_ending(lease)) {
    return false;
  }
  std::vector<store::LeaseRow> all;
  if (lease.shared > 1) {
    MIG_ASSIGN_OR_RETURN(all, store_.leases());
  }
  if (auto over = once_over(lease, action, by_uid, now_, all, settings_.nothing_left)) {
    lease = *std::move(over);
    MIG_TRY(store_.set_ending(lease));
    MIG_TRY(note(lease, action, by_uid));
    return false;
  }
  MIG_TRY(remove(lease, action, by_uid));
  return true;
}

Result<void> TurnTaker::remove(const store::LeaseRow& lease,
                               const std::string& action,
                               std::int64_t by_uid) {
  if (lease.shared > 1) {
    MIG_TRY(settle(lease.instance.uuid));
  }
  MIG_ASSIGN_OR_RETURN(const bool was_there, store_.remove(lease.id, end_of(lease, now_)));
  if (!was_there) {
    return {};
  }
  lasting_ = lasting_ || lease.holder.lasts();
  learn_length(lease);
  if (lease.shared == 1) {
    MIG_TRY(charge(lease, due(lease, 1)));
  }
  return action.empty() ? Result<void>() : note(lease, action, by_uid);
}

void TurnTaker::learn_length(const store::LeaseRow& lease) {
  constexpr std::size_t kMostUsers = 10'000;
  constexpr double kShareOfLatest = 0.125;
  if (memory_.lasts_ms.size() >= kMostUsers) {
    memory_.lasts_ms.clear();
  }
  const auto length = static_cast<double>(holders::elapsed_ms(lease, now_));
  const auto [known, fresh] = memory_.lasts_ms.try_emplace({lease.tenant, lease.uid}, length);
  known->second += kShareOfLatest * (length - known->second);
}

}  // namespace mig::lease
