// SPDX-License-Identifier: Apache-2.0
// Carries a Plan out: preflight, writer lock, step by step with each step read back, and on failure
// everything undone in reverse at the same placements. Outcome: unchanged, applied, rolled back, or
// stuck with what is left.
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

#include "apply/recorder.h"
#include "base/clock.h"
#include "base/proc_root.h"
#include "device/facts.h"
#include "nvml/session.h"

namespace mig::apply {

enum class Outcome { kUnchanged, kApplied, kRolledBack, kStuck };

struct StepReport {
  Step step;
  bool done = false;
  bool undone = false;
  double milliseconds = 0;
};

struct ApplyResult {
  Outcome outcome = Outcome::kUnchanged;
  std::vector<StepReport> steps;
  // Why it was rolled back or is stuck. With kApplied: kResetRequired, the mode is set but pending,
  // and the steps that wait for it are not done.
  std::optional<Error> failure;
  Inventory after;
  // What is there that was not before and no step made, a line each: it stays.
  std::vector<std::string> others;
  // Going back, instances were made again that no step had taken: others or a reset had.
  bool rebuilt = false;
};

// Called before (done = false) and after each step, for progress on stderr.
using Progress = std::function<void(const Step&, std::size_t index, std::size_t count, bool done)>;

// Who changes the machine and why, for history.
struct ChangeOrigin {
  std::string command;  // "apply -f layouts.yaml -c mixed"
  std::string reason;   // the user's own words; may be empty
};

struct ApplyOptions {
  bool allow_reset = true;  // false: --skip-reset
  bool mode_only = false;
  Progress progress;
  ChangeOrigin origin;
  // Looked at before each step: when it is set, no further step begins and what was done is undone.
  const std::atomic<bool>* stop = nullptr;
  // Called before and after each driver call, rollback included: a watchdog's sign of life.
  std::function<void()> heartbeat;
};

struct Context {
  nvml::Session& session;
  base::Clock& clock;
  Recorder* recorder = nullptr;  // the journal; nullptr = none
  std::string proc_root = base::proc_root();
  std::string lock_path = {};  // "" = writer.lock in runtime_dir(session)
  std::function<void()> heartbeat = {};
  device::FactsOfGpus* facts = nullptr;  // spares asking the driver again; nullptr = none
};

// An Error means that nothing was changed: kConflict (the machine's layout is not the plan's, or
// another writer is at work, named by pid), kInUse (blocked), kPermission, or the first step's own
// error. From the first change on, the result tells.
Result<ApplyResult> apply(const Context& context, const Plan& plan, const ApplyOptions& options);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_APPLY_H_
