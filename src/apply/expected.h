// SPDX-License-Identifier: Apache-2.0
// Inside of apply/: the picture that steps make of a layout, to hold what is read against, compute
// instances included. Pure functions.
#ifndef MIGCTL_APPLY_EXPECTED_H_
#define MIGCTL_APPLY_EXPECTED_H_

#include <vector>

#include "mig/inventory.h"
#include "mig/plan.h"

namespace mig::apply {

// `before` with `steps` done to it. Instances that a step makes have no id of meaning. A mode that
// a step sets is current and pending: who does not wait for a reset reads it so.
Inventory after_steps(const Inventory& before, const std::vector<Step>& steps);

// What has to be made so that `now` has everything of `before` again, on the GPUs of `plan`: GPU
// instances at their places and compute instances in them. Nothing of `now` is touched.
// `modes`: also MIG mode of a GPU that forgets it with a reset (Hopper and later), where it was on.
std::vector<Step> steps_to_rebuild(const Plan& plan,
                                   const Inventory& before,
                                   const Inventory& now,
                                   bool modes);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_EXPECTED_H_
