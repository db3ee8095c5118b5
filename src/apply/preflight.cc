// SPDX-License-Identifier: Apache-2.0
#include "apply/preflight.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "apply/step_checks.h"

namespace mig::apply {
namespace {

bool goes_off(const Plan& plan, const std::string& uuid) {
  return std::any_of(plan.steps.begin(), plan.steps.end(), [&](const Step& step) {
    return step.kind == StepKind::kDisableMig && step.gpu_uuid == uuid;
  });
}

Error stale(const Plan& plan, std::uint64_t now) {
  const std::string what = plan.gpus.size() == 1 && plan.kept_room.empty()
                               ? fmt::format("GPU {}", plan.gpus.front().gpu.value)
                               : "the machine";
  return Error{ErrorCode::kConflict,
               fmt::format("{} has changed since the plan was made (generation {:016x}, "
                           "now {:016x})",
                           what,
                           plan.generation,
                           now),
               "plan again: another layout than the one you saw would be changed",
               {},
               {}};
}

Error blocked(const Plan& plan) {
  std::string who;
  for (const GpuPlan& gpu : plan.gpus) {
    for (const Blocker& blocker : gpu.blockers) {
      who += (who.empty() ? "" : "; ") + blocker.what;
    }
  }
  return Error{ErrorCode::kInUse,
               "the plan cannot run: " + who,
               "end what is named or wait for it, then plan again",
               {},
               {}};
}

}  // namespace

Result<void> preflight(const Plan& plan, const Inventory& now, const ApplyOptions& options) {
  for (const Step& step : selected_steps(plan, options)) {
    const Gpu* gpu = now.find_gpu(step.gpu_uuid);
    if (gpu != nullptr && !gpu->instances_complete) {
      return Error{
          ErrorCode::kPermission,
          fmt::format("cannot change GPU {}: the driver refuses to list its instances to us",
                      step.gpu.value),
          "run it as root (sudo), or as the owner of the simulated machine",
          {},
          {}};
    }
  }
  for (const GpuPlan& gpu : plan.gpus) {
    if (const LostGpu* lost = now.find_lost(gpu.gpu);
        lost != nullptr && now.find_gpu(gpu.uuid) == nullptr) {
      return lost->why;
    }
  }
  if (const std::uint64_t generation = plan_generation(now, plan); plan.generation != generation) {
    return stale(plan, generation);
  }
  if (plan.blocked()) {
    return blocked(plan);
  }
  return {};
}

std::vector<Step> selected_steps(const Plan& plan, const ApplyOptions& options) {
  std::vector<Step> out;
  for (const Step& step : plan.steps) {
    const bool mode = is_mode_step(step.kind) || step.kind == StepKind::kResetGpu;
    if (options.mode_only && !mode && (is_create(step.kind) || !goes_off(plan, step.gpu_uuid))) {
      continue;
    }
    out.push_back(step);
  }
  return out;
}

}  // namespace mig::apply
