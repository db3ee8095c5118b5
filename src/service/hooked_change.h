// SPDX-License-Identifier: Apache-2.0
// A change with the programs around it that a hooks file names, in mig-parted's order: apply-start,
// pre-apply-mode (when a MIG mode changes), pre-apply-config (when instances change), the change,
// apply-exit. Unlike there, the change is one transaction: both pre-hooks run before its first
// step, and what cannot be planned at all is refused before they run.
#ifndef MIGCTL_SERVICE_HOOKED_CHANGE_H_
#define MIGCTL_SERVICE_HOOKED_CHANGE_H_

#include <functional>
#include <string>
#include <string_view>

#include "mig/hooks.h"
#include "mig/plan.h"
#include "mig/result.h"

#include "launch/hook_runner.h"

namespace mig::service {

struct HookedChange {
  const Hooks& hooks;
  launch::HookRun run;  // its `stop` ends the change, and every hook but those of apply-exit
  bool mode_only = false;

  // The plan as things are. `around` false: whoever is busy counts as a blocker, not as pinned: the
  // hooks may send them away. Called again after a pre-hook ran.
  std::function<Result<Plan>(bool around)> plan;
  // The exit code, or an Error.
  std::function<Result<int>(const Plan&)> carry_out;
  // What hooks printed, after each list: its name, the text, and whether one of them failed.
  std::function<void(std::string_view name, const std::string& output, bool failed)> printed;
};

// apply-exit runs whatever happened after apply-start, and when that was stopped half-way; not when
// apply-start failed by itself (mig-parted's rule). It runs to its end whatever is asked of us by
// then; when all else went well, its failure is the answer (kHook).
Result<int> change_with_hooks(const HookedChange& change);

// Its last part alone, for who has to end in the middle of the change.
Result<void> apply_exit(const HookedChange& change);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_HOOKED_CHANGE_H_
