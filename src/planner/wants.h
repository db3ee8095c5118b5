// SPDX-License-Identifier: Apache-2.0
// The wants of a layout on one GPU: input of the search.
#ifndef MIGCTL_PLANNER_WANTS_H_
#define MIGCTL_PLANNER_WANTS_H_

#include <vector>

#include "mig/layout.h"
#include "mig/result.h"

#include "planner/search.h"

namespace mig::planner {

// Merges equal instances into wants. Error when an instance is impossible on this board by itself.
Result<std::vector<Want>> read_wants(const Board& board, const DesiredGpu& desired);

}  // namespace mig::planner

#endif  // MIGCTL_PLANNER_WANTS_H_
