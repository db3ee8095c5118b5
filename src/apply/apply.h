// SPDX-License-Identifier: Apache-2.0
// Executes a Plan: preflight, writer lock, then each step with a read-back; on failure a rollback
// undoes the executed steps in reverse order at the same placements. Outcome: unchanged, applied,
// rolled back, or stuck with the remaining differences.
//
//   apply::Context context{*session, base::system_clock()};
//   MIG_ASSIGN_OR_RETURN(auto result, apply::apply(context, plan, options));
//
// Threading: as the session. One writer per machine at a time, among all processes.
#ifndef MIGCTL_APPLY_APPLY_H_
#define MIGCTL_APPLY_APPLY_H_

#include <atomic>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/plan.h"
#include "mig/result.h"

#include "apply/after_change.h"
#include "apply/handover.h"
#include "apply/recorder.h"
#include "base/clock.h"
#include "base/proc_root.h"
#include "device/facts.h"
#include "model/change_record.h"
#include "nvml/session.h"

namespace mig::apply {

using mig::ApplyResult;
using mig::Outcome;
using mig::StepReport;

// Progress callback (for stderr), called before (done = false) and after each step.
using Progress = std::function<void(const Step&, std::size_t index, std::size_t count, bool done)>;

// Origin of the change, for history: who and why.
struct ChangeOrigin {
  std::string command;  // command line: "apply -f layouts.yaml -c mixed"
  std::string reason;   // reason given by the user; may be empty
  Cause cause = Cause::kApply;
  std::optional<MadeFor> made_for = {};  // the request that instances are made for
};

struct ApplyOptions {
  bool allow_reset = true;  // false: --skip-reset
  bool mode_only = false;
  Progress progress;
  ChangeOrigin origin;
  // Stop flag, tested before each step: when set, no further step begins and the executed ones are
  // undone.
  const std::atomic<bool>* stop = nullptr;
  // Called before and after each driver call, rollback included: keeps a watchdog from firing.
  std::function<void()> heartbeat;
};

struct Context {
  nvml::Session& session;
  base::Clock& clock;
  Recorder* recorder = nullptr;  // journal and listeners (Recorders); nullptr = none
  std::string proc_root = base::proc_root();
  std::function<void()> heartbeat = {};
  device::FactsOfGpus* facts = nullptr;  // cache of constant facts; nullptr = none
  Handover* handover = nullptr;          // nullptr = nothing is handed over
};

// An Error means that nothing was changed: kConflict (the machine's layout is not the plan's, or
// another writer holds the lock, named by pid), kInUse (blocked), kPermission, or the first step's
// error. From the first change on the outcome is in the result.
Result<ApplyResult> apply(const Context& context, const Plan& plan, const ApplyOptions& options);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_APPLY_H_
