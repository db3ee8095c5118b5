// SPDX-License-Identifier: Apache-2.0
#include "apply/rollback.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "apply/blame.h"
#include "apply/expected.h"
#include "apply/layout_diff.h"
#include "apply/settled.h"
#include "apply/step_checks.h"
#include "base/strings.h"

namespace mig::apply {
namespace {

using namespace std::chrono_literals;

// A fault that hit the step may hit its undo once more; beyond that it is not transient.
constexpr int kAttempts = 3;
constexpr auto kBetweenAttempts = 100ms;
// A holder may be a short-lived client: retry so often before a change counts as stuck.
constexpr int kAttemptsWhileHeld = 50;

bool changed_mode(const std::vector<StepReport>& reports, const std::string& uuid) {
  return std::any_of(reports.begin(), reports.end(), [&](const StepReport& report) {
    return report.done && is_mode_step(report.step.kind) && report.step.gpu_uuid == uuid;
  });
}

// Indices of the steps to undo, in order. A planned reset belongs to the mode change before it,
// reached or not: restoring the mode may need it.
std::vector<std::size_t> steps_to_undo(const std::vector<StepReport>& reports) {
  std::vector<std::size_t> chosen;
  std::vector<Step> steps;
  for (std::size_t i = 0; i < reports.size(); ++i) {
    const Step& step = reports[i].step;
    const bool resets = step.kind == StepKind::kResetGpu && changed_mode(reports, step.gpu_uuid);
    if (!reports[i].done && !resets) {
      continue;
    }
    chosen.push_back(i);
    steps.push_back(step);
  }
  std::vector<std::size_t> order = undo_order(steps);
  for (std::size_t& one : order) {
    one = chosen[one];
  }
  return order;
}

class Rollback {
 public:
  Rollback(const Context& context,
           const Plan& plan,
           const Inventory& before,
           Executor& executor,
           ApplyResult& result)
      : context_(context), plan_(plan), before_(before), executor_(executor), result_(result) {}

  void run(bool after_crash) {
    for (const std::size_t i : steps_to_undo(result_.steps)) {
      result_.steps[i].undone = undo(result_.steps[i], i);
    }
    auto now = look();
    if (now && !left_.empty() && rebuild(*now, after_crash)) {
      now = look();
    }
    if (!now) {
      result_.outcome = Outcome::kStuck;
      result_.failure->message += "; and the machine cannot be read: " + now.error().text();
      return;
    }
    result_.after = *std::move(now);
    result_.outcome = left_.empty() ? Outcome::kRolledBack : Outcome::kStuck;
    if (!left_.empty()) {
      explain_stuck();
    }
    if (!result_.others.empty()) {
      result_.failure->message +=
          "; not of this change, and it stays: " + base::join(result_.others, "; ");
    }
  }

 private:
  // Undoes one step; true when its effect is gone.
  bool undo(const StepReport& report, std::size_t index) {
    for (int attempt = 1;; ++attempt) {
      if (undone_already(report.step)) {
        return true;
      }
      Step step = report.step.undo();
      if (is_create(report.step.kind)) {  // ids that the driver assigned
        step.gpu_instance = report.step.gpu_instance;
        step.compute_instance = report.step.compute_instance;
      }
      const StepResult done = executor_.run(step, index, Direction::kUndo);
      if (!done.failure) {
        return true;
      }
      const bool held = done.failure->code == ErrorCode::kInUse;
      if (done.failure->code == ErrorCode::kDeviceLost ||
          attempt >= (held ? kAttemptsWhileHeld : kAttempts)) {
        return false;
      }
      context_.clock.sleep(kBetweenAttempts);
    }
  }

  // True when another program, a reset or an earlier attempt undid the step; a failed read counts
  // as false.
  bool undone_already(const Step& step) {
    const Gpu* was = before_.find_gpu(step.gpu_uuid);
    const auto now = executor_.read(step);
    return was != nullptr && now && taken_back(*now, *was, step);
  }

  // Recreates instances of the earlier layout that no undo restored because another program or a
  // reset removed them.
  bool rebuild(const Inventory& now, bool after_crash) {
    const std::vector<Step> steps = steps_to_rebuild(plan_, before_, now, after_crash);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      Step step = steps[i];
      if (executor_.run(step, result_.steps.size() + i, Direction::kUndo).failure) {
        return i > 0;
      }
    }
    result_.rebuilt = !steps.empty();
    return result_.rebuilt;
  }

  Result<Inventory> look() {
    return read_settled(context_, [&](const Inventory& seen) {
      Blame blame = blame_for(layout_diff(plan_, before_, seen), result_.steps, seen);
      left_ = std::move(blame.left);
      result_.others = std::move(blame.others);
      return left_.empty();
    });
  }

  void explain_stuck() {
    Error& failure = *result_.failure;
    failure.message += "; undoing it failed too, what is left: ";
    std::vector<std::string> texts;
    std::vector<std::string> commands;
    for (const Difference& one : left_) {
      texts.push_back(one.what);
      if (!one.command.empty()) {
        commands.push_back(one.command);
      }
    }
    failure.message += base::join(texts, "; ");
    // The journal has every placement, those of compute instances too.
    const auto change = context_.recorder != nullptr ? context_.recorder->number() : std::nullopt;
    if (change) {
      failure.hint =
          fmt::format("to go back: migctl undo --change {} (-n shows what it does)", *change);
    } else {
      failure.hint = commands.empty() ? "look with migctl list"
                                      : "to go back: " + base::join(commands, " && ");
    }
  }

  const Context& context_;
  const Plan& plan_;
  const Inventory& before_;
  Executor& executor_;
  ApplyResult& result_;
  std::vector<Difference> left_;
};

}  // namespace

void roll_back(const Context& context,
               const Plan& plan,
               const Inventory& before,
               Executor& executor,
               ApplyResult& result,
               bool after_crash) {
  Rollback(context, plan, before, executor, result).run(after_crash);
}

}  // namespace mig::apply
