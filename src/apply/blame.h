// SPDX-License-Identifier: Apache-2.0
// Inside of apply/: attributes differences from the earlier layout to the change itself or to other
// programs. Pure functions.
#ifndef MIGCTL_APPLY_BLAME_H_
#define MIGCTL_APPLY_BLAME_H_

#include <string>
#include <vector>

#include "mig/inventory.h"

#include "apply/apply.h"
#include "apply/layout_diff.h"

namespace mig::apply {

struct Blame {
  std::vector<Difference> left;     // differences that remain from the earlier layout
  std::vector<std::string> others;  // additional instances, not made by this change
};

// Attributes differences after a rollback: an instance that no step created, and a mode that no
// step set, belong to another program. A missing instance counts whoever removed it; the instance
// that occupies its placement is named.
Blame blame_for(std::vector<Difference> differences,
                const std::vector<StepReport>& steps,
                const Inventory& now);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_BLAME_H_
