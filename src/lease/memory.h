// SPDX-License-Identifier: Apache-2.0
// Inside of lease/: what passes over the store remember from one to the next. All of it can be
// found anew in the store and on the machine.
#ifndef MIGCTL_LEASE_MEMORY_H_
#define MIGCTL_LEASE_MEMORY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "lease/order.h"

namespace mig::lease {

struct Memory {
  std::map<std::string, std::string> units;  // units' cgroups
  Queue queue;
  std::optional<std::uint64_t> queue_epoch;  // of the store's requests that `queue` has
  std::uint64_t judged = 0;  // generation of the inventory that shapes were judged by
  bool judge_again = true;   // a shape came, or a creation failed
  // Needs for which a creation failed, with the inventory's generation then.
  std::map<std::string, std::uint64_t> unmakeable;
  // How long leases of a tenant's user last: mean of the latest, milliseconds. Lost at a restart of
  // the process, then learned again.
  std::map<std::pair<std::string, std::uint32_t>, double> lasts_ms;
  std::int64_t creating_for = 0;  // request for which instances are being created; 0 = none
  std::int64_t looked_at = 0;     // the requests up to this one were last checked for their waiter
};

}  // namespace mig::lease

#endif  // MIGCTL_LEASE_MEMORY_H_
