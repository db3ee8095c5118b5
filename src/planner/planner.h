// SPDX-License-Identifier: Apache-2.0
// From the current and the desired layout to a Plan. Exact for each GPU: among all placements of
// the wanted instances, one that keeps every busy instance (or a proof that none exists), then the
// fewest instances destroyed, then the least change of placements. Pure: no I/O, no clock.
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
  // true: busy instances (with processes) are kept, or there is no plan. false: as few of them as
  // possible are destroyed, and each is a blocker of the plan.
  bool keep_busy = true;
  // Recorded durations of steps on this machine, newest first: the basis of estimates.
  std::vector<StepTime> history = {};
};

// Errors: kNoCapacity: does not fit, with the proof in the message and what would fit as the hint;
// or fits, but never with the spare room asked for. kInUse: fits an empty GPU but not around the
// busy instances, which are named. kNotSupported: the GPU does not support MIG or lacks a profile.
// kPermission: the driver hides what a plan needs. The Plan has blockers for what a mode change or
// reset would need.
Result<Plan> plan(const Inventory& inventory, const DesiredLayout& desired, const Policy& policy);

// Differences between `desired` and the machine, one line each; empty = applied.
std::vector<std::string> differences(const Inventory& inventory, const DesiredLayout& desired);

}  // namespace mig::planner

#endif  // MIGCTL_PLANNER_PLANNER_H_
