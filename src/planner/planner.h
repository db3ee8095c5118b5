// SPDX-License-Identifier: Apache-2.0
// From what is and what is wanted to a Plan. Exact for each GPU: among all ways to place the wanted
// instances, one that keeps every busy instance where it is (or a proof that none exists), then the
// fewest instances destroyed, then the least disturbance of placements. Pure: no I/O, no clock.
#ifndef MIGCTL_PLANNER_PLANNER_H_
#define MIGCTL_PLANNER_PLANNER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/layout.h"
#include "mig/plan.h"
#include "mig/result.h"

#include "planner/times.h"

namespace mig::planner {

struct Policy {
  // Busy instances (with processes) stay where they are, or there is no plan. false: as few of them
  // as possible are destroyed, and each is a blocker of the plan.
  bool keep_busy = true;
  // What steps took on this machine before, newest first: what they are expected to take.
  std::vector<StepTime> history = {};
};

// kNoCapacity: does not fit, with the proof in words and what would fit as the hint; or fits, but
// never with the spare room asked for;
// kInUse: fits an empty GPU but not around the busy instances, which are named;
// kNotSupported: the GPU cannot do MIG or lacks a profile; kPermission: the driver does not show
// what a plan needs. The Plan carries blockers for what a mode change or reset would need.
Result<Plan> plan(const Inventory& inventory, const DesiredLayout& desired, const Policy& policy);

// What of `desired` the machine does not have, one line each; empty = applied.
std::vector<std::string> differences(const Inventory& inventory, const DesiredLayout& desired);

}  // namespace mig::planner

#endif  // MIGCTL_PLANNER_PLANNER_H_
