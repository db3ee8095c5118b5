// SPDX-License-Identifier: Apache-2.0
// Inside of launch/: the instances that a Selection means. Pure functions.
#ifndef MIGCTL_LAUNCH_CANDIDATES_H_
#define MIGCTL_LAUNCH_CANDIDATES_H_

#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "launch/run.h"

namespace mig::launch {

struct Candidate {
  Chosen instance;
  std::string busy;  // "pid 41 (python)"; "" = nobody of the driver's list
};

// Smallest memory first, then by GPU, instance id. kNothingMatched says what there is.
Result<std::vector<Candidate>> candidates(const Inventory& inventory, const Selection& selection);

// "3g.20gb on GPU 0 gi=2 ci=0".
std::string place_of(const Chosen& chosen);

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_CANDIDATES_H_
