// SPDX-License-Identifier: Apache-2.0
#include "mig/plan.h"

#include <algorithm>

#include <fmt/format.h>

namespace mig {
namespace {

StepKind reversed(StepKind kind) {
  switch (kind) {
    case StepKind::kDestroyComputeInstance:
      return StepKind::kCreateComputeInstance;
    case StepKind::kDestroyGpuInstance:
      return StepKind::kCreateGpuInstance;
    case StepKind::kDisableMig:
      return StepKind::kEnableMig;
    case StepKind::kEnableMig:
      return StepKind::kDisableMig;
    case StepKind::kResetGpu:
      return StepKind::kResetGpu;
    case StepKind::kCreateGpuInstance:
      return StepKind::kDestroyGpuInstance;
    case StepKind::kCreateComputeInstance:
      return StepKind::kDestroyComputeInstance;
  }
  return kind;
}

std::string slots(Placement placement) {
  return fmt::format("{}:{}", placement.start, placement.size);
}

std::string compute_str(const Step& step, std::string_view verb) {
  std::string out = fmt::format("{} compute instance {}", verb, step.profile.str());
  if (step.sm) {
    out += fmt::format(" ({} SMs)", *step.sm);
  }
  if (step.compute_instance) {
    out += fmt::format(" ci={}", step.compute_instance->value);
  }
  if (step.ci_placement) {
    out += fmt::format(" at {}", slots(*step.ci_placement));
  }
  out += fmt::format(" in {} on GPU {}", step.profile.gpu_instance().str(), step.gpu.value);
  if (step.gpu_instance) {
    out += fmt::format(" gi={}", step.gpu_instance->value);
  }
  return out + fmt::format(" at {}", slots(step.gpu_placement));
}

std::string instance_str(const Step& step, std::string_view verb) {
  std::string out = fmt::format("{} {} on GPU {}", verb, step.profile.str(), step.gpu.value);
  if (step.gpu_instance) {
    out += fmt::format(" gi={}", step.gpu_instance->value);
  }
  return out + fmt::format(" at {}", slots(step.gpu_placement));
}

}  // namespace

Step Step::undo() const {
  Step step = *this;
  step.kind = reversed(kind);
  if (step.kind == StepKind::kCreateGpuInstance || step.kind == StepKind::kCreateComputeInstance) {
    step.gpu_instance.reset();  // the driver assigns new ids
    step.compute_instance.reset();
  }
  return step;
}

std::string Step::str() const {
  switch (kind) {
    case StepKind::kDestroyComputeInstance:
      return compute_str(*this, "destroy");
    case StepKind::kCreateComputeInstance:
      return compute_str(*this, "create");
    case StepKind::kDestroyGpuInstance:
      return instance_str(*this, "destroy");
    case StepKind::kCreateGpuInstance:
      return instance_str(*this, "create");
    case StepKind::kDisableMig:
      return fmt::format("disable MIG on GPU {}", gpu.value);
    case StepKind::kEnableMig:
      return fmt::format("enable MIG on GPU {}", gpu.value);
    case StepKind::kResetGpu:
      return fmt::format("reset GPU {}", gpu.value);
  }
  return {};
}

std::vector<std::size_t> undo_order(const std::vector<Step>& done) {
  std::vector<std::size_t> order;
  for (std::size_t i = done.size(); i-- > 0;) {
    const bool mode = done[i].kind == StepKind::kEnableMig || done[i].kind == StepKind::kDisableMig;
    const bool after_reset = !order.empty() && done[order.back()].kind == StepKind::kResetGpu &&
                             done[order.back()].gpu == done[i].gpu;
    order.insert(mode && after_reset ? order.end() - 1 : order.end(), i);
  }
  return order;
}

std::vector<Step> undo_steps(const std::vector<Step>& done) {
  std::vector<Step> undo;
  undo.reserve(done.size());
  for (const std::size_t i : undo_order(done)) {
    undo.push_back(done[i].undo());
  }
  return undo;
}

bool Plan::blocked() const {
  return std::any_of(
      gpus.begin(), gpus.end(), [](const GpuPlan& gpu) { return !gpu.blockers.empty(); });
}

std::uint64_t plan_generation(const Inventory& inventory, const Plan& plan) {
  if (!plan.kept_room.empty()) {
    return layout_generation(inventory);
  }
  return layout_generation(inventory, [&](const Gpu& gpu) {
    return std::any_of(plan.gpus.begin(), plan.gpus.end(), [&](const GpuPlan& one) {
      return one.uuid == gpu.uuid;
    });
  });
}

}  // namespace mig
