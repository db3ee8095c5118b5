// SPDX-License-Identifier: Apache-2.0
// Inside of lease/: the order in which waiting requests are served.
#ifndef MIGCTL_LEASE_ORDER_H_
#define MIGCTL_LEASE_ORDER_H_

#include <cstdint>
#include <vector>

#include "lease/schedule.h"

namespace mig::lease {

// Order of service: priority first. Among equals, one by one: the tenant with the least usage for
// its weight, including the requests ordered so far (`assumed_ms` long where no limit is known);
// within a tenant by time of arrival.
std::vector<const Waiting*> in_order(const Machine& machine,
                                     const std::vector<Waiting>& queue,
                                     std::int64_t assumed_ms);

}  // namespace mig::lease

#endif  // MIGCTL_LEASE_ORDER_H_
