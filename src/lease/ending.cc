// SPDX-License-Identifier: Apache-2.0
#include "lease/ending.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace mig::lease {

void begin_ending(store::LeaseRow& lease,
                  const std::string& why,
                  std::int64_t by_uid,
                  const holders::Moment& now) {
  // A lease bound to time may be of an earlier boot; its elapsed time carries over.
  lease.granted_boot_ms = now.boot_ms - holders::elapsed_ms(lease, now);
  lease.boot_id = now.boot_id;
  lease.ending = why;
  lease.ending_by = by_uid;
  lease.ending_boot_ms = now.boot_ms;
  lease.ending_stage = 0;
  if (why == kPreempted && lease.stoppable &&
      lease.holder.kind == lease::LeaseHolder::Kind::kProcess) {
    lease.ending_stage = lease.signalled;
    lease.end_grace_ms = 0;
  }
}

std::int64_t ending_left_ms(const store::LeaseRow& lease, const holders::Moment& now) {
  const std::int64_t since = now.boot_ms - lease.ending_boot_ms.value_or(now.boot_ms);
  return std::max<std::int64_t>(lease.end_grace_ms - since, 0);
}

bool is_covered(const store::LeaseRow& lease, const std::vector<store::LeaseRow>& all) {
  return std::any_of(all.begin(), all.end(), [&](const store::LeaseRow& other) {
    return other.id != lease.id && other.uid == lease.uid && !is_ending(other) &&
           other.instance.uuid == lease.instance.uuid;
  });
}

std::optional<store::LeaseRow> once_over(const store::LeaseRow& lease,
                                         const std::string& why,
                                         std::int64_t by_uid,
                                         const holders::Moment& now,
                                         const std::vector<store::LeaseRow>& all,
                                         const NothingLeft& nothing_left) {
  if (!nothing_left) {
    return std::nullopt;
  }
  store::LeaseRow over = lease;
  begin_ending(over, why, by_uid, now);
  const bool covered = lease.shared > 1 && is_covered(lease, all);
  return nothing_left(over, covered) ? std::nullopt : std::optional(std::move(over));
}

const char* why_over(holders::Life life) {
  return life == holders::Life::kExpired ? "expired" : "holder ended";
}

std::vector<store::LeaseRow> as_they_stand(const std::vector<store::LeaseRow>& all,
                                           const holders::Moment& now,
                                           const holders::LifeRoots& roots,
                                           const NothingLeft& nothing_left) {
  std::vector<store::LeaseRow> standing;
  standing.reserve(all.size());
  for (const store::LeaseRow& lease : all) {
    const holders::Life life = holders::life_of(lease, now, roots);
    if (life == holders::Life::kLive) {
      standing.push_back(lease);
    } else if (is_ending(lease)) {
      continue;  // of an earlier boot
    } else if (auto over = once_over(lease, why_over(life), lease.uid, now, all, nothing_left)) {
      standing.push_back(*std::move(over));
    }
  }
  return standing;
}

Result<void> check_live(const store::LeaseRow& lease) {
  if (is_ending(lease)) {
    return fail(ErrorCode::kConflict,
                fmt::format("lease {} is over: {}", lease.id, lease.ending),
                "nothing is started under it any more; lease anew");
  }
  return {};
}

Result<void> check_announced(const store::LeaseRow& lease) {
  MIG_TRY(check_live(lease));
  if (lease.notice_boot_ms) {
    return fail(
        ErrorCode::kConflict,
        fmt::format("lease {} was asked to make room for a job of higher priority", lease.id),
        "nothing is started under it any more; lease anew");
  }
  return {};
}

}  // namespace mig::lease
