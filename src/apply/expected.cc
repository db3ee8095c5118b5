// SPDX-License-Identifier: Apache-2.0
#include "apply/expected.h"

#include <algorithm>

#include "apply/layout_diff.h"
#include "planner/steps.h"

namespace mig::apply {
namespace {

GpuInstance* instance_at(Gpu& gpu, Placement place) {
  const auto found = std::find_if(gpu.instances.begin(),
                                  gpu.instances.end(),
                                  [&](const GpuInstance& one) { return one.placement == place; });
  return found == gpu.instances.end() ? nullptr : &*found;
}

void drop_compute(GpuInstance& instance, const Step& step) {
  const auto found = std::find_if(instance.compute_instances.begin(),
                                  instance.compute_instances.end(),
                                  [&](const ComputeInstance& compute) {
                                    return step.compute_instance
                                               ? compute.id == *step.compute_instance
                                               : compute.name == step.profile &&
                                                     step.ci_placement &&
                                                     compute.placement == step.ci_placement;
                                  });
  if (found != instance.compute_instances.end()) {
    instance.compute_instances.erase(found);
  }
}

void set_mode(Gpu& gpu, MigMode mode) {
  gpu.mig_current = gpu.mig_pending = mode;
  if (mode == MigMode::kDisabled) {
    gpu.instances.clear();
  }
}

void add_instance(Gpu& gpu, const Step& step) {
  GpuInstance made;
  made.id = GpuInstanceId{kNoInstanceId};
  made.name = step.profile;
  made.profile_id = step.profile_id;
  made.nvml_profile = step.nvml_profile;
  made.placement = step.gpu_placement;
  gpu.instances.push_back(std::move(made));
}

void add_compute(GpuInstance& instance, const Step& step) {
  ComputeInstance made;
  made.id = ComputeInstanceId{kNoInstanceId};
  made.name = step.profile;
  made.nvml_profile = step.nvml_profile;
  made.placement = step.ci_placement;
  instance.compute_instances.push_back(std::move(made));
}

void carry_out(Gpu& gpu, const Step& step) {
  GpuInstance* instance = instance_at(gpu, step.gpu_placement);
  switch (step.kind) {
    case StepKind::kDestroyComputeInstance:
      if (instance != nullptr) {
        drop_compute(*instance, step);
      }
      return;
    case StepKind::kDestroyGpuInstance:
      std::erase_if(gpu.instances, [&](const GpuInstance& one) { return &one == instance; });
      return;
    case StepKind::kDisableMig:
      return set_mode(gpu, MigMode::kDisabled);
    case StepKind::kEnableMig:
      return set_mode(gpu, MigMode::kEnabled);
    case StepKind::kResetGpu:  // removes every instance, and activates the pending mode
      gpu.mig_current = gpu.mig_pending;
      gpu.instances.clear();
      return;
    case StepKind::kCreateGpuInstance:
      return add_instance(gpu, step);
    case StepKind::kCreateComputeInstance:
      if (instance != nullptr) {
        add_compute(*instance, step);
      }
      return;
  }
}

// True for architectures that lose the mode in a reset or reboot. An Ampere keeps it: there the
// mode is off only because somebody disabled it.
bool forgets_mode(const Gpu& gpu) {
  return gpu.architecture != Architecture::kAmpere && gpu.architecture != Architecture::kOlder;
}

// True when `is` can get back the instances of `was`: MIG mode is on, or only the driver turned it
// off.
bool can_be_rebuilt(const Gpu& was, const Gpu& is, bool modes) {
  if (was.mig_current != MigMode::kEnabled) {
    return false;
  }
  if (is.mig_current == MigMode::kEnabled) {
    return true;
  }
  return modes && forgets_mode(is) && is.mig_pending == is.mig_current;
}

void add_steps(const Gpu& gpu, const Difference& missing, std::vector<Step>& steps) {
  if (missing.compute) {
    steps.push_back(planner::destroy_step(gpu, missing.instance, *missing.compute).undo());
    return;
  }
  steps.push_back(planner::destroy_step(gpu, missing.instance).undo());
  for (const ComputeInstance& compute : missing.instance.compute_instances) {
    steps.push_back(planner::destroy_step(gpu, missing.instance, compute).undo());
  }
}

}  // namespace

Inventory after_steps(const Inventory& before, const std::vector<Step>& steps) {
  Inventory after = before;
  for (const Step& step : steps) {
    const auto gpu = std::find_if(after.gpus.begin(), after.gpus.end(), [&](const Gpu& one) {
      return one.uuid == step.gpu_uuid;
    });
    if (gpu != after.gpus.end()) {
      carry_out(*gpu, step);
    }
  }
  return after;
}

std::vector<Step> steps_to_rebuild(const Plan& plan,
                                   const Inventory& before,
                                   const Inventory& now,
                                   bool modes) {
  std::vector<Step> steps;
  for (const GpuPlan& one : plan.gpus) {
    const Gpu* was = before.find_gpu(one.uuid);
    const Gpu* is = now.find_gpu(one.uuid);
    if (was == nullptr || is == nullptr || !can_be_rebuilt(*was, *is, modes)) {
      continue;
    }
    if (is->mig_current != MigMode::kEnabled) {
      steps.push_back(planner::mode_step(*is, StepKind::kEnableMig));
    }
    for (const Difference& missing : layout_diff(plan, before, now)) {
      if (missing.kind == Difference::Kind::kMissing && missing.gpu_uuid == one.uuid) {
        add_steps(*is, missing, steps);
      }
    }
  }
  return steps;
}

}  // namespace mig::apply
