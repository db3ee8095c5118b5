// SPDX-License-Identifier: Apache-2.0
#include "service/hooked_change.h"

#include <algorithm>
#include <utility>

namespace mig::service {
namespace {

Result<void> hooks_of(const HookedChange& change, const HookList& list, const char* name) {
  if (list.empty())
    return {};
  std::string output;
  auto done = launch::run_hooks(list, name, change.run, output);
  if (change.printed)
    change.printed(name, output, !done);
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

Result<int> after_start(const HookedChange& change) {
  MIG_ASSIGN_OR_RETURN(const Plan first, change.plan(false));
  if (changes_mode(first))
    MIG_TRY(hooks_of(change, change.hooks.pre_apply_mode, "pre-apply-mode"));
  if (!change.mode_only && changes_instances(first))
    MIG_TRY(hooks_of(change, change.hooks.pre_apply_config, "pre-apply-config"));
  MIG_ASSIGN_OR_RETURN(const Plan plan, change.plan(true));
  return change.carry_out(plan);
}

}  // namespace

Result<int> change_with_hooks(const HookedChange& change) {
  MIG_TRY(hooks_of(change, change.hooks.apply_start, "apply-start"));
  Result<int> code = after_start(change);
  auto exit = hooks_of(change, change.hooks.apply_exit, "apply-exit");
  if (code && *code == 0 && !exit)
    return std::move(exit).error();
  return code;
}

}  // namespace mig::service
