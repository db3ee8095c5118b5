// SPDX-License-Identifier: Apache-2.0
// Why a search found nothing, in words that a reader can check, and what would fit instead.
#ifndef MIGCTL_PLANNER_PROOF_H_
#define MIGCTL_PLANNER_PROOF_H_

#include "mig/error.h"

#include "planner/search.h"

namespace mig::planner {

// For an input on which best_assignment() gave nothing. kInUse when an empty GPU could hold it,
// else kNoCapacity. The reason holds whatever else is there: it is of a smallest set that cannot
// be. The hint plans as it stands: given places, what is there and what runs are all counted in.
Error why_not(const SearchInput& input);

}  // namespace mig::planner

#endif  // MIGCTL_PLANNER_PROOF_H_
