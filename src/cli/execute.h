// SPDX-License-Identifier: Apache-2.0
// Common end of all changing commands: converts flags to options, executes a change by
// service/change.h, and prints progress on stderr and the outcome on stdout.
#ifndef MIGCTL_CLI_EXECUTE_H_
#define MIGCTL_CLI_EXECUTE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "mig/plan.h"
#include "mig/result.h"

#include "cli/command.h"
#include "cli/way_flags.h"
#include "service/change.h"

namespace mig::cli {

struct ExecuteOptions {
  bool dry_run = false;  // show the plan only
  bool allow_reset = true;
  bool mode_only = false;
  std::string reason;  // the user's reason, for history
  WayFlags way;        // how to handle blockers
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

// Common part of the change observers of all dialects: a watchdog ends the program when the driver
// hangs.
class GuardedWords : public service::ChangeObserver {
 public:
  explicit GuardedWords(Output& output) : output_(output) {}

  std::shared_ptr<void> guard() override;
  void alive() override;
  std::shared_ptr<void> promise(const std::function<void()>& work) override;

 protected:
  Output& output() const { return output_; }

 private:
  Output& output_;
  std::weak_ptr<Watchdog> watchdog_;
};

// migctl's texts during and after a change.
class ChangeWords final : public GuardedWords {
 public:
  explicit ChangeWords(Context& context);
  ~ChangeWords() override;
  ChangeWords(const ChangeWords&) = delete;
  ChangeWords& operator=(const ChangeWords&) = delete;
  ChangeWords(ChangeWords&&) = delete;
  ChangeWords& operator=(ChangeWords&&) = delete;

  void planned(const Plan& plan) override;
  void note(const std::string& line) override;
  void steps_begin(const std::vector<Step>& steps) override;
  void step(const Step& step, std::size_t index, std::size_t of, bool done) override;
  void steps_end(bool success) override;
  void hooks_ran(std::string_view list, const std::string& output, bool failed) override;
  void outcome(const Plan& plan, const node::ApplyResult& result) override;

 private:
  class ProgressLines;

  Context& context_;
  std::unique_ptr<ProgressLines> lines_;
};

// What a change of a whole layout may end with, for CommandText: apply, restore, slurm. `more`: of
// this command alone. By exit code.
std::vector<ErrorCode> codes_of_layout_change(const std::vector<ErrorCode>& more = {});

// Options common to all changing commands. kUsage for invalid flags about blockers.
Result<service::ChangeOptions> change_options(const Context& context,
                                              const ExecuteOptions& options);

// Prints the Plan; kInUse's exit code when it is blocked.
int show_plan(Context& context, const Plan& plan);

// Exit code of an ended change; 0 = done.
int exit_code_of(const node::ApplyResult& result);

// Changes the machine, with a rollback on a signal (docs/reference/transactions.md), or shows the
// plan (dry run); returns the exit code.
Result<int> execute(Context& context, const service::Wish& wish, service::ChangeOptions options);
Result<int> execute(Context& context, const service::Wish& wish, const ExecuteOptions& options);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_EXECUTE_H_
