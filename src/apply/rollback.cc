// SPDX-License-Identifier: Apache-2.0
#include "apply/rollback.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "apply/layout_diff.h"
#include "apply/settled.h"
#include "apply/step_checks.h"

namespace mig::apply {
namespace {

using namespace std::chrono_literals;

// A fault that hit the step may hit its undo once more; more than that is not passing trouble.
constexpr int kAttempts = 3;
constexpr auto kBetweenAttempts = 100ms;

bool changed_mode(const std::vector<StepReport>& reports, const std::string& uuid) {
  return std::any_of(reports.begin(), reports.end(), [&](const StepReport& report) {
    return report.done && is_mode_step(report.step.kind) && report.step.gpu_uuid == uuid;
  });
}

// The steps to take back, in order. A planned reset belongs to the mode change before it, reached
// or not: the mode that comes back may need it.
std::vector<std::size_t> steps_to_undo(const std::vector<StepReport>& reports) {
  std::vector<std::size_t> chosen;
  std::vector<Step> steps;
  for (std::size_t i = 0; i < reports.size(); ++i) {
    const Step& step = reports[i].step;
    const bool resets = step.kind == StepKind::kResetGpu && changed_mode(reports, step.gpu_uuid);
    if (!reports[i].done && !resets)
      continue;
    chosen.push_back(i);
    steps.push_back(step);
  }
  std::vector<std::size_t> order = undo_order(steps);
  for (std::size_t& one : order)
    one = chosen[one];
  return order;
}

// One step; true when it is as it was.
bool undo(const Context& context, Executor& executor, const StepReport& report, std::size_t index) {
  for (int attempt = 1; attempt <= kAttempts; ++attempt) {
    Step step = report.step.undo();
    if (is_create(report.step.kind)) {  // ids that the driver gave
      step.gpu_instance = report.step.gpu_instance;
      step.compute_instance = report.step.compute_instance;
    }
    if (step.kind == StepKind::kResetGpu) {
      const auto now = executor.read(step);
      if (now && holds(*now, step))
        return true;  // no mode is pending
    }
    const StepResult done = executor.run(step, index, Direction::kUndo);
    if (!done.failure)
      return true;
    if (done.failure->code == ErrorCode::kInUse || done.failure->code == ErrorCode::kDeviceLost)
      return false;
    context.clock.sleep(kBetweenAttempts);
  }
  return false;
}

void explain_stuck(const std::vector<Difference>& left, Error& failure) {
  failure.message += "; undoing it failed too, what is left: ";
  std::string commands;
  for (std::size_t i = 0; i < left.size(); ++i) {
    failure.message += (i == 0 ? "" : "; ") + left[i].what;
    if (!left[i].command.empty())
      commands += (commands.empty() ? "" : " && ") + left[i].command;
  }
  failure.hint = commands.empty() ? "look with migctl list" : "to go back: " + commands;
}

}  // namespace

void roll_back(const Context& context,
               const Plan& plan,
               const Inventory& before,
               Executor& executor,
               ApplyResult& result) {
  for (const std::size_t i : steps_to_undo(result.steps))
    result.steps[i].undone = undo(context, executor, result.steps[i], i);
  std::vector<Difference> left;
  auto now = read_settled(context, [&](const Inventory& seen) {
    left = layout_diff(plan, before, seen);
    return left.empty();
  });
  if (!now) {
    result.outcome = Outcome::kStuck;
    result.failure->message += "; and the machine cannot be read: " + now.error().text();
    return;
  }
  result.after = *std::move(now);
  result.outcome = left.empty() ? Outcome::kRolledBack : Outcome::kStuck;
  if (!left.empty())
    explain_stuck(left, *result.failure);
}

}  // namespace mig::apply
