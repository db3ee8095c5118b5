// SPDX-License-Identifier: Apache-2.0
// Explains a search without a result: a reason that a reader can check, and what would fit instead.
#ifndef MIGCTL_PLANNER_PROOF_H_
#define MIGCTL_PLANNER_PROOF_H_

#include "mig/error.h"

#include "planner/search.h"

namespace mig::planner {

// For an input without a result of best_assignment(). kInUse when an empty GPU could hold it, else
// kNoCapacity. The reason names a minimal unsatisfiable subset, so it holds whatever else is
// wanted. The hint can be planned as it stands: given placements, existing and busy instances are
// accounted for.
Error why_not(const SearchInput& input);

}  // namespace mig::planner

#endif  // MIGCTL_PLANNER_PROOF_H_
