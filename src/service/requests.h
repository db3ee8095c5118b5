// SPDX-License-Identifier: Apache-2.0
// Inside of service/: single steps as layouts and plans. Pure functions over an Inventory.
#ifndef MIGCTL_SERVICE_REQUESTS_H_
#define MIGCTL_SERVICE_REQUESTS_H_

#include <vector>

#include "mig/inventory.h"
#include "mig/layout.h"
#include "mig/plan.h"
#include "mig/result.h"

#include "service/service.h"

namespace mig::service {

// What is there, each instance pinned to its place, and the new ones.
Result<DesiredLayout> desired_create(const Inventory& inventory,
                                     const Service::CreateRequest& request);

// On: what is there stays. Off: nothing is left. `gpus` empty = every GPU that can do MIG.
Result<DesiredLayout> desired_mode(const Inventory& inventory,
                                   const std::vector<GpuIndex>& gpus,
                                   bool enable);

// Exactly the named instances, by id; processes on them are blockers. kNothingMatched when there is
// none.
Result<Plan> plan_of_destroy(const Inventory& inventory, const Service::DestroyRequest& request);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_REQUESTS_H_
