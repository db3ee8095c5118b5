// SPDX-License-Identifier: Apache-2.0
// Offline plans for GPUs from the catalogue (catalog/): no machine is read, and there are no
// blockers.
#ifndef MIGCTL_SERVICE_OFFLINE_PLAN_H_
#define MIGCTL_SERVICE_OFFLINE_PLAN_H_

#include "mig/inventory.h"
#include "mig/layout.h"
#include "mig/plan.h"
#include "mig/result.h"

namespace mig::service {

// Errors as the planner's; kNoCapacity names what would fit.
Result<Plan> plan_offline(const Inventory& inventory, const DesiredLayout& desired);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_OFFLINE_PLAN_H_
