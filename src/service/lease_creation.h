// SPDX-License-Identifier: Apache-2.0
// Inside of service/: creates instances from free slices for a request that found none, as an
// ordinary transaction.
#ifndef MIGCTL_SERVICE_LEASE_CREATION_H_
#define MIGCTL_SERVICE_LEASE_CREATION_H_

#include <string>

#include "mig/inventory.h"
#include "mig/result.h"

#include "lease/schedule.h"
#include "node/node.h"

namespace mig::service {

// Creates an instance, for that request, of the smallest satisfying profile, on the first GPU where
// it fits beside existing ones; never destroys or moves an instance. kNoCapacity when it fits
// nowhere.
Result<void> create_for_lease(node::Node& node,
                              const Inventory& now,
                              const lease::Creation& creation,
                              const MadeFor& made_for);

// For a request that does not wait for leases to end; `reason`: what stands in its way.
Error none_to_be_made(const std::string& reason);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_LEASE_CREATION_H_
