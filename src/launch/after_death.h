// SPDX-License-Identifier: Apache-2.0
// Hooks that run when this process dies, SIGKILL included: what a change has stopped is started
// again whoever ends the change. A guard process waits for it, as that of a hook (hook_process.h).
//
//   AfterDeath exit;
//   MIG_TRY(exit.arm(hooks.apply_exit, run));  // before the first hook
//   ...                                        // runs them itself
//   exit.disarm();
#ifndef MIGCTL_LAUNCH_AFTER_DEATH_H_
#define MIGCTL_LAUNCH_AFTER_DEATH_H_

#include <sys/types.h>

#include "mig/hooks.h"
#include "mig/result.h"

#include "base/fd.h"
#include "launch/hook_runner.h"

namespace mig::launch {

class AfterDeath {
 public:
  AfterDeath() = default;

  ~AfterDeath() { disarm(); }

  AfterDeath(const AfterDeath&) = delete;
  AfterDeath& operator=(const AfterDeath&) = delete;
  AfterDeath(AfterDeath&&) = delete;
  AfterDeath& operator=(AfterDeath&&) = delete;

  // From now on, until disarm(): the hooks run in order when this process ends, each for the run's
  // time at most, also after one that failed. Their output goes nowhere: nobody reads it any more.
  // An empty list needs no guard.
  Result<void> arm(const HookList& hooks, const HookRun& run);
  void disarm();

 private:
  pid_t guard_ = -1;
  base::Fd lifeline_;
};

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_AFTER_DEATH_H_
