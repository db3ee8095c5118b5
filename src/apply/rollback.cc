// SPDX-License-Identifier: Apache-2.0
#include "apply/rollback.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "apply/layout_diff.h"
#include "apply/step_checks.h"
#include "device/inventory_reader.h"

namespace mig::apply {
namespace {

using namespace std::chrono_literals;

// A fault that hit the step may hit its undo once more; more than that is not passing trouble.
constexpr int kAttempts = 3;
constexpr auto kBetweenAttempts = 100ms;

bool plan_resets(const Plan& plan, const std::string& uuid) {
  return std::any_of(plan.steps.begin(), plan.steps.end(), [&](const Step& step) {
    return step.kind == StepKind::kResetGpu && step.gpu_uuid == uuid;
  });
}

// Undo as reported: a reset is not undone, the mode change before it is, and resets if it must.
bool undo(const Context& context,
          const Plan& plan,
          Executor& executor,
          const StepReport& report,
          std::size_t index) {
  if (report.step.kind == StepKind::kResetGpu)
    return true;
  for (int attempt = 1; attempt <= kAttempts; ++attempt) {
    Step step = report.step.undo();
    if (is_create(report.step.kind)) {  // ids that the driver gave
      step.gpu_instance = report.step.gpu_instance;
      step.compute_instance = report.step.compute_instance;
    }
    StepResult done = executor.run(step, index, Direction::kUndo);
    if (!done.failure && done.pending && plan_resets(plan, step.gpu_uuid))
      return executor.reset(step).has_value();
    if (!done.failure)
      return !done.pending;
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
  for (std::size_t i = result.steps.size(); i-- > 0;) {
    StepReport& report = result.steps[i];
    if (report.done)
      report.undone = undo(context, plan, executor, report, i);
  }
  auto now = device::read_inventory(context.session, {context.proc_root});
  if (!now) {
    result.outcome = Outcome::kStuck;
    result.failure->message += "; and the machine cannot be read: " + now.error().text();
    return;
  }
  result.after = *std::move(now);
  const std::vector<Difference> left = layout_diff(plan, before, result.after);
  result.outcome = left.empty() ? Outcome::kRolledBack : Outcome::kStuck;
  if (!left.empty())
    explain_stuck(left, *result.failure);
}

}  // namespace mig::apply
