// SPDX-License-Identifier: Apache-2.0
// Gets those out of a plan's way who stand in it: waits for them (--wait), then asks them to stop
// (--evict). Without either nobody is waited for and nobody is ever signalled.
//
//   ClearWay way(node, options, base::system_clock());
//   MIG_ASSIGN_OR_RETURN(Plan plan, way.plan(make));      // still blocked: refused by apply
//   auto result = node.apply(plan, settings);
//   if (!result && way.again(result.error())) ...         // somebody came in between: plan again
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
  std::optional<std::chrono::milliseconds> evict;  // the grace between SIGTERM and SIGKILL
  std::string evict_hook;                          // a program run first for each; "" = none
  std::function<void(const std::string&)> tell;    // one line of progress
  bool saved_plan = false;                         // one plan for every try, not a new one for each
  // Set: nobody is waited for or signalled any more, and the evict hook is ended.
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

  // The plan when nobody blocks it any more; blocked still when neither waiting nor evicting was
  // asked for, or when others came after the eviction. kTimeout names who was waited for in vain;
  // kRolledBack when it was stopped.
  Result<Plan> plan(const MakePlan& make);

  // Whether a change that was refused with this error is worth another try: somebody came between
  // plan and change or is changing the machine, and there is time left. Not when trying again
  // cannot help: a change that was cut short, or a saved plan for another layout. Sleeps a little.
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

// "pid 41 (python) runs on 1g.5gb gi=7 on GPU 0; ...", everybody who blocks the plan.
std::string blockers_text(const Plan& plan);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_CLEAR_WAY_H_
