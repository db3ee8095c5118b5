// SPDX-License-Identifier: Apache-2.0
// Inside of launch/: the instances that satisfy a Need. Pure functions.
#ifndef MIGCTL_LAUNCH_CANDIDATES_H_
#define MIGCTL_LAUNCH_CANDIDATES_H_

#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "model/instance.h"

namespace mig::launch {

struct Candidate {
  Instance instance;
  std::string busy;  // process that the driver reports there, "pid 41 (python)"; "" = none
};

// Order: smallest memory first (best fit), then by GPU, instance id. kNothingMatched names what
// exists.
Result<std::vector<Candidate>> candidates(const Inventory& inventory, const Need& need);

// The need in the terms of `run`: "profile 1g.5gb on GPU 0", "any profile".
std::string described(const Need& need);

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_CANDIDATES_H_
