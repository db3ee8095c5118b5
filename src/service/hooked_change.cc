// SPDX-License-Identifier: Apache-2.0
#include "service/hooked_change.h"

#include <algorithm>
#include <utility>

namespace mig::service {
namespace {

bool stop_wanted(const HookedChange& change) {
  return change.run.stop != nullptr && *change.run.stop;
}

Error stopped() {
  return Error{ErrorCode::kRolledBack,
               "stopped on request before the change: nothing was changed",
               {},
               {},
               {}};
}

Result<void> hooks_of(const HookedChange& change,
                      const HookList& list,
                      const char* name,
                      const launch::HookRun& run) {
  if (list.empty()) {
    return {};
  }
  if (run.stop != nullptr && *run.stop) {
    return stopped();
  }
  std::string output;
  auto done = launch::run_hooks(list, name, run, output);
  if (change.printed) {
    change.printed(name, output, !done);
  }
  return done;
}

bool changes_mode(const Plan& plan) {
  return std::any_of(plan.steps.begin(), plan.steps.end(), [](const Step& step) {
    return step.kind == StepKind::kEnableMig || step.kind == StepKind::kDisableMig ||
           step.kind == StepKind::kResetGpu;
  });
}

bool changes_instances(const Plan& plan) {
  return std::any_of(plan.steps.begin(), plan.steps.end(), [](const Step& step) {
    return step.kind == StepKind::kCreateGpuInstance ||
           step.kind == StepKind::kDestroyGpuInstance ||
           step.kind == StepKind::kCreateComputeInstance ||
           step.kind == StepKind::kDestroyComputeInstance;
  });
}

void disarm(const HookedChange& change) {
  if (change.after_death != nullptr) {
    change.after_death->disarm();
  }
}

Result<int> after_start(const HookedChange& change) {
  if (stop_wanted(change)) {
    return stopped();
  }
  MIG_ASSIGN_OR_RETURN(const Plan first, change.plan(false));
  if (changes_mode(first)) {
    MIG_TRY(hooks_of(change, change.hooks.pre_apply_mode, "pre-apply-mode", change.run));
  }
  if (!change.mode_only && changes_instances(first)) {
    MIG_TRY(hooks_of(change, change.hooks.pre_apply_config, "pre-apply-config", change.run));
  }
  MIG_ASSIGN_OR_RETURN(const Plan plan, change.plan(true));
  if (stop_wanted(change)) {
    return stopped();
  }
  return change.carry_out(plan);
}

}  // namespace

Result<int> change_with_hooks(const HookedChange& change) {
  if (stop_wanted(change)) {
    return stopped();
  }
  if (change.after_death != nullptr) {
    MIG_TRY(change.after_death->arm(change.hooks.apply_exit, change.run));
  }
  auto start = hooks_of(change, change.hooks.apply_start, "apply-start", change.run);
  if (!start && start.error().code != ErrorCode::kRolledBack) {
    disarm(change);
    return std::move(start).error();
  }
  Result<int> code = start ? after_start(change) : Result<int>(std::move(start).error());
  auto exit = apply_exit(change);
  if (code && *code == 0 && !exit) {
    return std::move(exit).error();
  }
  return code;
}

Result<void> apply_exit(const HookedChange& change) {
  launch::HookRun run = change.run;
  run.stop = nullptr;
  auto done = hooks_of(change, change.hooks.apply_exit, "apply-exit", run);
  disarm(change);
  return done;
}

}  // namespace mig::service
