// SPDX-License-Identifier: Apache-2.0
// The end that all changing commands share: show a plan, or carry it out with progress and tell
// what came of it.
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
  bool saved_plan = false;  // from a file: made once, not for each try
  std::string reason;       // why, in the user's words, for history
  bool to_the_end = false;  // the way back of something: a signal does not end it
  WayFlags way;             // what to do about those who stand in the way
};

// Ends the process with kTimeout's exit code when no sign of life came for the time of
// $MIGCTL_DRIVER_TIMEOUT (default 120 s): a driver call that hangs cannot be taken back. Of a
// change the journal knows, and `migctl recover` goes on from there.
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

// While it lives, a Watchdog that ends the process runs this first: what was promised however a
// change ends. One at a time.
class BeforeGivingUp {
 public:
  explicit BeforeGivingUp(std::function<void()> work);
  ~BeforeGivingUp();
  BeforeGivingUp(const BeforeGivingUp&) = delete;
  BeforeGivingUp& operator=(const BeforeGivingUp&) = delete;
  BeforeGivingUp(BeforeGivingUp&&) = delete;
  BeforeGivingUp& operator=(BeforeGivingUp&&) = delete;
};

// What --mode-only leaves of a plan: instances stay as they are, except where MIG goes off.
Plan mode_only_plan(Plan plan);

// Prints the Plan; kInUse's exit code when it is blocked.
int show_plan(Context& context, const Plan& plan);

// Carries the plan out: a signal asks to stop (docs/reference/transactions.md), a driver that hangs
// ends the program, and the journal learns what was typed. Prints nothing.
using StepProgress = std::function<void(const Step&, std::size_t index, std::size_t count, bool)>;
Result<ApplyResult> apply_guarded(Context& context,
                                         const Plan& plan,
                                         const ExecuteOptions& options,
                                         StepProgress progress);

// apply_guarded() with each step told on stderr.
Result<ApplyResult> apply_with_progress(Context& context,
                                               const Plan& plan,
                                               const ExecuteOptions& options);

// Carries out what `plan` makes, once nobody stands in its way or --wait is over; made again for as
// long as somebody does. Progress on stderr, outcome on stdout; the exit code tells the outcome.
using MakePlan = std::function<Result<Plan>()>;
Result<int> execute(Context& context, const MakePlan& plan, const ExecuteOptions& options);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_EXECUTE_H_
