// SPDX-License-Identifier: Apache-2.0
// Why a search found nothing, in words that a reader can check, and what would fit instead.
#ifndef MIGCTL_PLANNER_PROOF_H_
#define MIGCTL_PLANNER_PROOF_H_

#include "mig/error.h"

#include "planner/search.h"

namespace mig::planner {

// For an input on which best_assignment() gave nothing. kInUse when an empty GPU could hold it,
// else kNoCapacity.
Error why_not(const SearchInput& input);

// The largest part of what is wanted (most instances, then most slots) that fits beside the busy
// instances (when pinned), as counts by Board profile; the busy ones are part of it.
std::vector<std::size_t> largest_part(const SearchInput& input);

}  // namespace mig::planner

#endif  // MIGCTL_PLANNER_PROOF_H_
