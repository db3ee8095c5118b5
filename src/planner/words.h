// SPDX-License-Identifier: Apache-2.0
// Texts of the planner for slots, layouts and processes.
#ifndef MIGCTL_PLANNER_WORDS_H_
#define MIGCTL_PLANNER_WORDS_H_

#include <string>
#include <utility>
#include <vector>

#include "mig/inventory.h"

namespace mig::planner {

// "slot 6", "slots 0-3"; without the noun "6", "0-3".
std::string slots(Placement placement);
std::string range(Placement placement);
std::string ranges(const std::vector<Placement>& placements);

// A multiset for messages: "2 x 3g.20gb + 1g.5gb"; "nothing" when empty. Zero counts are left out.
std::string multiset(const std::vector<std::pair<std::string, std::size_t>>& counts);

// An occupied instance for messages: "2g.10gb gi=3 (pid 4121 python, pid 4122 python and 3 more)
// holds slots 0-1".
std::string holds(const Gpu& gpu, const GpuInstance& instance);

}  // namespace mig::planner

#endif  // MIGCTL_PLANNER_WORDS_H_
