// SPDX-License-Identifier: Apache-2.0
// Inside of apply/: two readings compared by what users see (modes, instances at their places), ids
// left out because a re-created instance may get another one. Pure functions.
#ifndef MIGCTL_APPLY_LAYOUT_DIFF_H_
#define MIGCTL_APPLY_LAYOUT_DIFF_H_

#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/plan.h"

namespace mig::apply {

struct Difference {
  std::string what;     // "GPU 1 has 3g.20gb at 4:4 (gi=1), which was not there"
  std::string command;  // that would put it right; "" = none
};

// From `before` to `now`, for the GPUs that `plan` names.
std::vector<Difference> layout_diff(const Plan& plan,
                                    const Inventory& before,
                                    const Inventory& now);

// What `gpu` lacks or has too much against the planned picture; "" = as planned.
std::string against_plan(const GpuPlan& plan, const Gpu* gpu, bool mode_only);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_LAYOUT_DIFF_H_
