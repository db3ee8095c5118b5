// SPDX-License-Identifier: Apache-2.0
// Inside of service/: makes instances from free slices for a request that found none, through the
// same transaction as any change.
#ifndef MIGCTL_SERVICE_LEASE_CREATION_H_
#define MIGCTL_SERVICE_LEASE_CREATION_H_

#include "mig/inventory.h"
#include "mig/result.h"

#include "lease/schedule.h"
#include "node/node.h"

namespace mig::service {

// The smallest profile that serves, on the first GPU where it fits beside what is there; nothing is
// ever destroyed or moved for it. kNoCapacity when it fits nowhere.
Result<void> create_for_lease(node::Node& node,
                              const Inventory& now,
                              const lease::Creation& creation);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_LEASE_CREATION_H_
