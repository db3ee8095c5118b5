// SPDX-License-Identifier: Apache-2.0
// Single steps (create, destroy, mode) as desired layouts and plans. Pure functions over an
// Inventory.
#ifndef MIGCTL_PLANNER_REQUESTS_H_
#define MIGCTL_PLANNER_REQUESTS_H_

#include <optional>
#include <vector>

#include "mig/inventory.h"
#include "mig/layout.h"
#include "mig/plan.h"
#include "mig/result.h"

namespace mig::planner {

struct CreateRequest {
  GpuIndex gpu;
  std::vector<DesiredInstance> instances;  // added to what is there
  std::vector<SpareRoom> spare = {};       // must still fit afterwards
};

struct DestroyRequest {
  std::optional<GpuIndex> gpu;                // nullopt = every GPU
  std::optional<GpuInstanceId> gpu_instance;  // nullopt = every instance
  std::optional<ComputeInstanceId> compute_instance;
  bool compute_only = false;  // leave the GPU instances
};

// The existing instances, pinned to their placements, and the new ones.
Result<DesiredLayout> desired_create(const Inventory& inventory, const CreateRequest& request);

// On: existing instances stay. Off: none is left. `gpus` empty = every GPU that supports MIG.
Result<DesiredLayout> desired_mode(const Inventory& inventory,
                                   const std::vector<GpuIndex>& gpus,
                                   bool enable);

// Destroys exactly the named instances, by id; processes on them are blockers. kNothingMatched when
// there is none.
Result<Plan> plan_of_destroy(const Inventory& inventory, const DestroyRequest& request);

}  // namespace mig::planner

#endif  // MIGCTL_PLANNER_REQUESTS_H_
