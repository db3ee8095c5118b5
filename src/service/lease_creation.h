// SPDX-License-Identifier: Apache-2.0
// Inside of service/: makes instances from free slices for a request that found none, through the
// same transaction as any change.
#ifndef MIGCTL_SERVICE_LEASE_CREATION_H_
#define MIGCTL_SERVICE_LEASE_CREATION_H_

#include <string>

#include "mig/inventory.h"
#include "mig/result.h"

#include "lease/schedule.h"
#include "service/service.h"

namespace mig::service {

// Makes what somebody waits for, where nobody is in the way; no GPU is reset, and a signal ends
// nothing half-way. `reason` goes into the journal.
Result<void> create_now(Service& service,
                        const Service::CreateRequest& request,
                        const std::string& reason);

// The smallest profile that serves, on the first GPU where it fits beside what is there; nothing is
// ever destroyed or moved for it. kNoCapacity when it fits nowhere.
Result<void> create_for_lease(Service& service,
                              const Inventory& now,
                              const lease::Creation& creation);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_LEASE_CREATION_H_
