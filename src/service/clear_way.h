// SPDX-License-Identifier: Apache-2.0
// Clears a plan's blockers: waits for them (--wait), then signals them to stop (--evict). Without
// these options it neither waits nor sends a signal.
//
//   ClearWay way(node, options, base::system_clock());
//   MIG_ASSIGN_OR_RETURN(Plan plan, way.plan(make));      // if still blocked: refused by apply
//   auto result = node.apply(plan, settings);
//   if (!result && way.again(result.error())) ...         // race with a new process: plan again
#ifndef MIGCTL_SERVICE_CLEAR_WAY_H_
#define MIGCTL_SERVICE_CLEAR_WAY_H_

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "mig/plan.h"
#include "mig/result.h"

#include "apply/evict.h"
#include "base/clock.h"
#include "node/node.h"

namespace mig::service {

struct WayOptions {
  std::chrono::milliseconds wait{0};
  std::optional<std::chrono::milliseconds> evict;  // grace period between SIGTERM and SIGKILL
  std::string evict_hook;                          // program to run before each signal; "" = none
  std::function<void(const std::string&)> tell;    // progress callback, one line
  bool saved_plan = false;                         // one plan for all tries, never planned again
  // Stop flag: ends waiting and signalling, and the evict hook.
  const std::atomic<bool>* stop = nullptr;
};

class ClearWay {
 public:
  ClearWay(node::Node& node, const WayOptions& options, base::Clock& clock)
      : node_(node),
        options_(options),
        clock_(clock),
        deadline_(clock.monotonic() + options.wait) {}

  using MakePlan = std::function<Result<Plan>()>;

  // The plan without blockers; still with blockers when neither waiting nor evicting was requested,
  // or when new ones came after the eviction. kTimeout names those that were waited for;
  // kRolledBack when stopped.
  Result<Plan> plan(const MakePlan& make);

  // True when a refused change is worth a retry: a process came between plan and change (race), or
  // another writer is active, and there is time left. False when a retry cannot help: an
  // interrupted change, or a saved plan for another layout. Sleeps briefly.
  bool again(const Error& error, const Plan& refused);

 private:
  Result<Plan> wait(const MakePlan& make, Plan plan);
  Result<Plan> evict(const MakePlan& make, const Plan& plan);
  Result<void> hook(const apply::Evictee& who);
  bool hopeless(const Plan& refused) const;
  bool stop_wanted() const;
  void tell(const std::string& line) const;

  node::Node& node_;
  const WayOptions& options_;
  base::Clock& clock_;
  std::chrono::nanoseconds deadline_;
};

// All blockers of the plan for messages: "pid 41 (python) runs on 1g.5gb gi=7 on GPU 0; ...".
std::string blockers_text(const Plan& plan);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_CLEAR_WAY_H_
