// SPDX-License-Identifier: Apache-2.0
// Inside of lease/: in which order those who wait are served.
#ifndef MIGCTL_LEASE_ORDER_H_
#define MIGCTL_LEASE_ORDER_H_

#include <cstdint>
#include <vector>

#include "lease/schedule.h"

namespace mig::lease {

// Priority first. Among equals, one by one: the tenant that used least for its weight, counting
// what those before it in this order would take (`assumed_ms` long where no limit is known); of one
// tenant, who came first.
std::vector<const Waiting*> in_order(const Machine& machine,
                                     const std::vector<Waiting>& queue,
                                     std::int64_t assumed_ms);

}  // namespace mig::lease

#endif  // MIGCTL_LEASE_ORDER_H_
