// SPDX-License-Identifier: Apache-2.0
// Plans for GPUs that nobody has at hand (catalog/): nothing is read, nobody is in the way.
#ifndef MIGCTL_SERVICE_OFFLINE_PLAN_H_
#define MIGCTL_SERVICE_OFFLINE_PLAN_H_

#include "mig/inventory.h"
#include "mig/layout.h"
#include "mig/plan.h"
#include "mig/result.h"

namespace mig::service {

// Errors: as of the planner; kNoCapacity says what would fit.
Result<Plan> plan_offline(const Inventory& inventory, const DesiredLayout& desired);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_OFFLINE_PLAN_H_
