// SPDX-License-Identifier: Apache-2.0
// Common end of all changing commands: shows a plan, or executes it with progress and prints the
// outcome.
#ifndef MIGCTL_CLI_EXECUTE_H_
#define MIGCTL_CLI_EXECUTE_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "mig/plan.h"
#include "mig/result.h"

#include "cli/command.h"
#include "cli/way_flags.h"

namespace mig {
struct ApplyResult;  // model/change_record.h
}

namespace mig::cli {

struct ExecuteOptions {
  bool dry_run = false;  // show the plan only
  bool allow_reset = true;
  bool mode_only = false;
  bool saved_plan = false;  // from a file: not planned again for a retry
  std::string reason;       // the user's reason, for history
  bool to_the_end = false;  // a rollback: signals are ignored
  WayFlags way;             // how to handle blockers
};

// Exits with kTimeout's code when there was no heartbeat for $MIGCTL_DRIVER_TIMEOUT (default 120
// s): a hanging driver call cannot be cancelled. The journal has the change, and `migctl recover`
// continues from there.
class Watchdog {
 public:
  enum class Over { kReading, kChange };
  Watchdog(Output& output, Over over);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  Watchdog(Watchdog&&) = delete;
  Watchdog& operator=(Watchdog&&) = delete;
  void alive();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// During its lifetime, a Watchdog that ends the process runs this work first (apply-exit hooks).
// One object at a time.
class BeforeGivingUp {
 public:
  explicit BeforeGivingUp(std::function<void()> work);
  ~BeforeGivingUp();
  BeforeGivingUp(const BeforeGivingUp&) = delete;
  BeforeGivingUp& operator=(const BeforeGivingUp&) = delete;
  BeforeGivingUp(BeforeGivingUp&&) = delete;
  BeforeGivingUp& operator=(BeforeGivingUp&&) = delete;
};

// The part of a plan for --mode-only: instances stay, except where MIG is disabled.
Plan mode_only_plan(Plan plan);

// Prints the Plan; kInUse's exit code when it is blocked.
int show_plan(Context& context, const Plan& plan);

// Executes the plan with signal handling (docs/reference/transactions.md), watchdog and command
// line for the journal. Prints nothing.
using StepProgress = std::function<void(const Step&, std::size_t index, std::size_t count, bool)>;
Result<ApplyResult> apply_guarded(Context& context,
                                  const Plan& plan,
                                  const ExecuteOptions& options,
                                  StepProgress progress);

// apply_guarded() with each step reported on stderr.
Result<ApplyResult> apply_with_progress(Context& context,
                                        const Plan& plan,
                                        const ExecuteOptions& options);

// Executes the result of `plan` once it has no blockers or --wait is over; plans again after each
// race with a new process. Progress on stderr, outcome on stdout; the exit code tells the outcome.
using MakePlan = std::function<Result<Plan>()>;
Result<int> execute(Context& context, const MakePlan& plan, const ExecuteOptions& options);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_EXECUTE_H_
