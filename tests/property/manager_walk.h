// SPDX-License-Identifier: Apache-2.0
// Whole changes by the manager on the same machine: planned by its Node, executed by its apply
// with the journal, under faults and with processes that start at the worst moments. The clock is
// manual, so waiting takes no time.
#ifndef MIGCTL_TESTS_PROPERTY_MANAGER_WALK_H_
#define MIGCTL_TESTS_PROPERTY_MANAGER_WALK_H_

#include <cstdint>
#include <optional>
#include <string>

#include "world.h"

namespace mig::property {

struct ManagerTally {
  std::uint64_t refused = 0;  // no plan, or refused before the first step
  std::uint64_t empty = 0;    // plans without steps
  std::uint64_t applied = 0, pending = 0, rolled_back = 0, stuck = 0;
  std::uint64_t steps = 0;        // executed steps of applied changes
  std::uint64_t kept_busy = 0;    // busy processes during applied changes
  std::uint64_t faults = 0;       // faults injected for a change
  std::uint64_t intruders = 0;    // processes started between a plan and its steps
  std::uint64_t inventories = 0;  // inventories compared with the simulator's state
};

class ManagerWalk {
 public:
  ManagerWalk(World& world, Random& random, ManagerTally& tally)
      : world_(world), random_(random), tally_(tally) {}

  // One change; "" or the violated property.
  std::string change();
  // Compares the manager's inventory with the simulator's state; "" or the difference.
  std::string compare();

 private:
  Result<Plan> random_plan();
  Result<Plan> plan_layout(const Inventory& now);
  Result<Plan> plan_create(const Inventory& now);
  void intrude(const Step& step);
  std::string judge(const Result<apply::ApplyResult>& result,
                    const Plan& plan,
                    const Shot& before,
                    const Shot& after);
  std::string check_applied(const apply::ApplyResult& result, const Plan& plan, const Shot& after);

  World& world_;
  Random& random_;
  ManagerTally& tally_;
  std::optional<Shot> with_intruder_;  // state just after the intruder started
};

// "" when the inventory equals the state: modes, instances, placements, ids, processes.
std::string difference(const Inventory& inventory, const Shot& shot);

}  // namespace mig::property

#endif  // MIGCTL_TESTS_PROPERTY_MANAGER_WALK_H_
