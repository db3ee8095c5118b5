// SPDX-License-Identifier: Apache-2.0
// Spare room (DesiredLayout::spare): how much of it each GPU keeps free, so that the whole change
// disturbs least, and the resulting free placements. Exact: every distribution is evaluated.
#ifndef MIGCTL_PLANNER_SPARE_H_
#define MIGCTL_PLANNER_SPARE_H_

#include <cstddef>
#include <map>
#include <vector>

#include "mig/inventory.h"
#include "mig/layout.h"
#include "mig/plan.h"
#include "mig/result.h"

namespace mig::planner {

// By GPU: Board profiles of which one more instance each must fit; equal ones adjacent.
using SpareShares = std::map<GpuIndex, std::vector<std::size_t>>;

// Distributes the spare room over the GPUs. `plain` is the plan without spare room. kNoCapacity: no
// placement of the layout leaves enough, with what would still fit and what occupies the rest.
// kNotSupported: no GPU has the profile.
Result<SpareShares> share_spare(const Inventory& inventory,
                                const DesiredLayout& desired,
                                bool keep_busy,
                                const Plan& plain);

// Free placements for the shares after `plan`, which was made with them.
std::vector<KeptRoom> kept_room(const Inventory& inventory,
                                const Plan& plan,
                                const SpareShares& shares);

}  // namespace mig::planner

#endif  // MIGCTL_PLANNER_SPARE_H_
