// SPDX-License-Identifier: Apache-2.0
// Blockers of a destroy, by the Inventory: processes and leases of an instance.
#ifndef MIGCTL_PLANNER_BLOCKERS_H_
#define MIGCTL_PLANNER_BLOCKERS_H_

#include <optional>
#include <vector>

#include "mig/plan.h"

namespace mig::planner {

// All users of the instance, as blockers of its destruction. `compute`: only users, or possible
// users, of that compute instance.
std::vector<Blocker> blockers_of_destroy(const Gpu& gpu,
                                         const GpuInstance& instance,
                                         std::optional<ComputeInstanceId> compute = std::nullopt);

}  // namespace mig::planner

#endif  // MIGCTL_PLANNER_BLOCKERS_H_
