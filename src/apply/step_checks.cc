// SPDX-License-Identifier: Apache-2.0
#include "apply/step_checks.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "apply/layout_diff.h"

namespace mig::apply {
namespace {

// True when the step would stop the process. `resetless`: the mode changes without a reset, also
// under a display.
bool hurts(const Process& process, const Step& step, bool resetless) {
  switch (step.kind) {
    case StepKind::kDestroyComputeInstance:
      return process.gpu_instance == step.gpu_instance &&
             (!process.compute_instance || process.compute_instance == step.compute_instance);
    case StepKind::kDestroyGpuInstance:
      return process.gpu_instance == step.gpu_instance;
    case StepKind::kDisableMig:
    case StepKind::kEnableMig:
      return !resetless || !process.graphics || process.gpu_instance;
    case StepKind::kResetGpu:
      return true;
    case StepKind::kCreateGpuInstance:
    case StepKind::kCreateComputeInstance:
      return false;
  }
  return false;
}

std::string process_text(const Process& process) {
  if (process.pid == 0 && !process.name.empty()) {
    return process.name;  // a lease, named as such
  }
  return process.name.empty() ? fmt::format("pid {}", process.pid)
                              : fmt::format("pid {} ({})", process.pid, process.name);
}

}  // namespace

bool is_mode_step(StepKind kind) {
  return kind == StepKind::kEnableMig || kind == StepKind::kDisableMig;
}

bool is_create(StepKind kind) {
  return kind == StepKind::kCreateGpuInstance || kind == StepKind::kCreateComputeInstance;
}

const GpuInstance* find_gpu_instance(const device::LayoutReading& now, const Step& step) {
  for (const GpuInstance& instance : now.instances) {
    const bool same = step.gpu_instance ? instance.id == *step.gpu_instance
                                        : instance.placement == step.gpu_placement &&
                                              instance.name == step.profile.gpu_instance();
    if (same) {
      return &instance;
    }
  }
  return nullptr;
}

const ComputeInstance* find_compute_instance(const GpuInstance& in, const Step& step) {
  for (const ComputeInstance& compute : in.compute_instances) {
    if (step.compute_instance && compute.id == *step.compute_instance) {
      return &compute;
    }
  }
  return nullptr;
}

bool is_compute_of(const ComputeInstance& compute, const Step& step) {
  return compute.name == step.profile &&
         (!step.ci_placement || !compute.placement || compute.placement == step.ci_placement);
}

Result<void> check_holders(const device::LayoutReading& now, const Step& step, bool resetless) {
  std::string who;
  std::size_t count = 0;
  for (const Process& process : now.processes) {
    if (!hurts(process, step, resetless)) {
      continue;
    }
    who += (count == 0 ? "" : ", ") + process_text(process);
    ++count;
  }
  if (count == 0) {
    return {};
  }
  const bool whole = is_mode_step(step.kind) || step.kind == StepKind::kResetGpu;
  return fail(ErrorCode::kInUse,
              fmt::format("cannot {}: {} {} on {}",
                          step.str(),
                          who,
                          count == 1 ? "runs" : "run",
                          whole ? "the GPU" : "it"),
              "end it or wait for it, then try again; nothing in use is ever destroyed");
}

bool holds(const device::LayoutReading& now, const Step& step) {
  const GpuInstance* instance = find_gpu_instance(now, step);
  switch (step.kind) {
    case StepKind::kDestroyComputeInstance:
      return instance == nullptr || find_compute_instance(*instance, step) == nullptr;
    case StepKind::kDestroyGpuInstance:
      return instance == nullptr;
    case StepKind::kCreateGpuInstance:
      return instance != nullptr && instance->placement == step.gpu_placement &&
             instance->profile_id == step.profile_id;
    case StepKind::kCreateComputeInstance: {
      const ComputeInstance* compute =
          instance == nullptr ? nullptr : find_compute_instance(*instance, step);
      return compute != nullptr && is_compute_of(*compute, step);
    }
    case StepKind::kEnableMig:
      return now.pending == MigMode::kEnabled;
    case StepKind::kDisableMig:
      return now.pending == MigMode::kDisabled;
    case StepKind::kResetGpu:
      return now.current == now.pending;
  }
  return false;
}

namespace {

// Looks up by placement alone: ids recorded before a reset are stale.
const GpuInstance* instance_at(const device::LayoutReading& now, const Step& step) {
  Step by_place = step;
  by_place.gpu_instance.reset();
  return find_gpu_instance(now, by_place);
}

// True when the created instance is gone, or its id belongs to another one.
bool made_is_gone(const device::LayoutReading& now, const Step& step) {
  const GpuInstance* instance = find_gpu_instance(now, step);
  if (instance == nullptr || instance->placement != step.gpu_placement ||
      instance->name != step.profile.gpu_instance()) {
    return true;
  }
  if (step.kind == StepKind::kCreateGpuInstance) {
    return false;
  }
  const ComputeInstance* compute = find_compute_instance(*instance, step);
  return compute == nullptr || !is_compute_of(*compute, step);
}

bool taken_is_there(const device::LayoutReading& now, const Step& step) {
  const GpuInstance* instance = instance_at(now, step);
  if (instance == nullptr || step.kind == StepKind::kDestroyGpuInstance) {
    return instance != nullptr;
  }
  return step.ci_placement && std::any_of(instance->compute_instances.begin(),
                                          instance->compute_instances.end(),
                                          [&](const ComputeInstance& compute) {
                                            return compute.name == step.profile &&
                                                   compute.placement == step.ci_placement;
                                          });
}

}  // namespace

bool taken_back(const device::LayoutReading& now, const Gpu& was, const Step& step) {
  switch (step.kind) {
    case StepKind::kCreateGpuInstance:
    case StepKind::kCreateComputeInstance:
      return made_is_gone(now, step);
    case StepKind::kDestroyGpuInstance:
    case StepKind::kDestroyComputeInstance:
      return taken_is_there(now, step);
    case StepKind::kResetGpu:
      if (now.current == now.pending) {
        return true;
      }
      break;
    case StepKind::kEnableMig:
    case StepKind::kDisableMig:
      break;
  }
  return modes_kept(was.mig_current, was.mig_pending, now.current, now.pending);
}

}  // namespace mig::apply
