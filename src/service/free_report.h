// SPDX-License-Identifier: Apache-2.0
// Inside of service/: what is free, from a reading of the machine, its leases and its queue. Pure.
#ifndef MIGCTL_SERVICE_FREE_REPORT_H_
#define MIGCTL_SERVICE_FREE_REPORT_H_

#include <vector>

#include "mig/inventory.h"

#include "model/free_report.h"
#include "model/lease_values.h"
#include "model/tenants.h"

namespace mig::service {

// For a member of `viewer`: names of other tenants and users only for operators and admins.
FreeReport free_report(const Inventory& now,
                       const std::vector<lease::Lease>& leases,
                       const std::vector<lease::QueueEntry>& queue,
                       const Tenant& viewer);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_FREE_REPORT_H_
