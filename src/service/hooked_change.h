// SPDX-License-Identifier: Apache-2.0
// A change with the hooks of a hooks file around it, in mig-parted's order: apply-start,
// pre-apply-mode (when a MIG mode changes), pre-apply-config (when instances change), the change,
// apply-exit. Unlike mig-parted's, the change is one transaction: both pre-hooks run before its
// first step, and an impossible plan is refused before they run.
#ifndef MIGCTL_SERVICE_HOOKED_CHANGE_H_
#define MIGCTL_SERVICE_HOOKED_CHANGE_H_

#include <functional>
#include <string>
#include <string_view>

#include "mig/hooks.h"
#include "mig/plan.h"
#include "mig/result.h"

#include "launch/after_death.h"
#include "launch/hook_runner.h"

namespace mig::service {

struct HookedChange {
  const Hooks& hooks;
  launch::HookRun run;  // its `stop` ends the change, and every hook except those of apply-exit
  bool mode_only = false;

  // Plans for the current state. `around` false: busy instances count as blockers instead of being
  // pinned, as the hooks may stop their processes. Called again after a pre-hook.
  std::function<Result<Plan>(bool around)> plan;
  // Executes the plan; returns the exit code, or an Error.
  std::function<Result<int>(const Plan&)> carry_out;
  // Output of the hooks, after each list: its name, the text, and whether one of them failed.
  std::function<void(std::string_view name, const std::string& output, bool failed)> printed;
  // Runs apply-exit in our place when this process is killed meanwhile; nullptr: nobody does.
  launch::AfterDeath* after_death = nullptr;
};

// apply-exit runs in any case after apply-start, also after a stop and when this process is killed;
// not when apply-start itself failed (mig-parted's rule). It ignores further stop requests; its
// failure is returned (kHook) if everything else succeeded.
Result<int> change_with_hooks(const HookedChange& change);

// Runs only apply-exit, for a process that must exit during the change.
Result<void> apply_exit(const HookedChange& change);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_HOOKED_CHANGE_H_
