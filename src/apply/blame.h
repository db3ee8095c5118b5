// SPDX-License-Identifier: Apache-2.0
// Inside of apply/: of what differs from the layout before, what a change is answerable for and
// what others did beside it. Pure functions.
#ifndef MIGCTL_APPLY_BLAME_H_
#define MIGCTL_APPLY_BLAME_H_

#include <string>
#include <vector>

#include "mig/inventory.h"

#include "apply/apply.h"
#include "apply/layout_diff.h"

namespace mig::apply {

struct Blame {
  std::vector<Difference> left;     // keeps the layout before from being back
  std::vector<std::string> others;  // what is there besides; nobody's of this change
};

// An instance that no step made is somebody else's, and so is a mode that no step set. What is
// missing is missed whoever took it; where something lies in its place, that is named.
Blame blame_for(std::vector<Difference> differences,
                const std::vector<StepReport>& steps,
                const Inventory& now);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_BLAME_H_
