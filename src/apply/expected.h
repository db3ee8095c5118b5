// SPDX-License-Identifier: Apache-2.0
// Inside of apply/: the expected layout after a number of steps, compute instances included, to
// compare readings with. Pure functions.
#ifndef MIGCTL_APPLY_EXPECTED_H_
#define MIGCTL_APPLY_EXPECTED_H_

#include <vector>

#include "mig/inventory.h"
#include "mig/plan.h"

namespace mig::apply {

// The expected state: `before` with `steps` applied. New instances have no meaningful id. A mode
// set by a step is current and pending, as it reads on a GPU that needs no reset.
Inventory after_steps(const Inventory& before, const std::vector<Step>& steps);

// Steps that recreate what `now` lacks of `before`, on the plan's GPUs: GPU instances at their
// placements and their compute instances. Destroys nothing. `modes`: also enables MIG mode again on
// a GPU that loses it in a reset (Hopper and later).
std::vector<Step> steps_to_rebuild(const Plan& plan,
                                   const Inventory& before,
                                   const Inventory& now,
                                   bool modes);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_EXPECTED_H_
