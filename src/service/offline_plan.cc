// SPDX-License-Identifier: Apache-2.0
#include "service/offline_plan.h"

#include "planner/planner.h"

namespace mig::service {

Result<Plan> plan_offline(const Inventory& inventory, const DesiredLayout& desired) {
  return planner::plan(inventory, desired, {});
}

}  // namespace mig::service
