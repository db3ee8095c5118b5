// SPDX-License-Identifier: Apache-2.0
// Inside of lease/: the end of a lease. A lease that is over (expired, released, preempted, holder
// ended) is removed at once when no process of it is left. Otherwise its row stays, marked as
// ending: so the table's constraint keeps the instance exclusive, and quota and usage go on, until
// the processes are gone. Signals are the caller's (service/lease_members.h): SIGTERM at once,
// SIGKILL after the grace.
#ifndef MIGCTL_LEASE_ENDING_H_
#define MIGCTL_LEASE_ENDING_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mig/result.h"

#include "holders/lease_life.h"
#include "store/leases.h"

namespace mig::lease {

// Actions in the audit log. kEnded: the last process of a lease that was over is gone.
inline constexpr const char* kEnded = "ended";
inline constexpr const char* kPreempted = "preempted";
// With its request, which was cancelled, or since its instance had gone.
inline constexpr const char* kGivenBack = "given back";

inline bool is_ending(const store::LeaseRow& lease) {
  return !lease.ending.empty();
}

// Marks the lease as ending. A job that was preempted has been asked to end and had its grace
// period: SIGKILL is next.
void begin_ending(store::LeaseRow& lease,
                  const std::string& why,
                  std::int64_t by_uid,
                  const holders::Moment& now);

// Time until SIGKILL; never below 0.
std::int64_t ending_left_ms(const store::LeaseRow& lease, const holders::Moment& now);

// True when `all` has another live lease of the same user on the same instance.
bool is_covered(const store::LeaseRow& lease, const std::vector<store::LeaseRow>& all);

// Tells whether nothing of a lease that is over is left: Settings::nothing_left.
using NothingLeft = std::function<bool(const store::LeaseRow&, bool covered)>;

// The lease when it is over: ending, while something of it is left; nullopt: nothing is, so it is
// removed. `all`: every lease, for a shared one.
std::optional<store::LeaseRow> once_over(const store::LeaseRow& lease,
                                         const std::string& why,
                                         std::int64_t by_uid,
                                         const holders::Moment& now,
                                         const std::vector<store::LeaseRow>& all,
                                         const NothingLeft& nothing_left);

// Why a lease of that life is over.
const char* why_over(holders::Life life);

// Leases as the next pass leaves them, in their order: whose time is over, or whose holder has
// ended, is ending before a pass has marked it.
std::vector<store::LeaseRow> as_they_stand(const std::vector<store::LeaseRow>& all,
                                           const holders::Moment& now,
                                           const holders::LifeRoots& roots,
                                           const NothingLeft& nothing_left);

// kConflict when the lease is over.
Result<void> check_live(const store::LeaseRow& lease);

// kConflict when no process may be started under the lease any more: it is over, or its holder was
// asked to end.
Result<void> check_announced(const store::LeaseRow& lease);

}  // namespace mig::lease

#endif  // MIGCTL_LEASE_ENDING_H_
