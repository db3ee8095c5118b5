// SPDX-License-Identifier: Apache-2.0
#include "planner/steps.h"

#include <algorithm>

namespace mig::planner {
namespace {

Step step_on(const Gpu& gpu, StepKind kind, std::uint32_t ms) {
  Step step;
  step.kind = kind;
  step.gpu = gpu.index;
  step.gpu_uuid = gpu.uuid;
  step.estimated_ms = ms;
  return step;
}

Step destroy_compute(const Gpu& gpu,
                     const GpuInstance& instance,
                     const ComputeInstance& compute,
                     const Policy& policy) {
  Step step = step_on(gpu, StepKind::kDestroyComputeInstance, policy.compute_ms);
  step.gpu_instance = instance.id;
  step.compute_instance = compute.id;
  step.profile = compute.name;
  step.profile_id = instance.profile_id;
  step.nvml_profile = compute.nvml_profile;
  step.gpu_placement = instance.placement;
  step.ci_placement = compute.placement;
  return step;
}

Step create_compute(const Gpu& gpu,
                    const GpuInstanceProfile& profile,
                    const Seat& seat,
                    const ComputeChange::Created& created,
                    const Policy& policy) {
  Step step = step_on(gpu, StepKind::kCreateComputeInstance, policy.compute_ms);
  step.profile = profile.name;
  step.profile.compute_slices = created.profile->name.compute_slices;
  step.profile_id = profile.id;
  step.nvml_profile = created.profile->nvml_profile;
  step.gpu_placement = seat.placement;
  step.ci_placement = created.placement;
  return step;
}

std::vector<Step> create_steps(const Gpu& gpu,
                               const GpuInstanceProfile& profile,
                               const Seat& seat,
                               const Policy& policy) {
  Step create = step_on(gpu, StepKind::kCreateGpuInstance, policy.create_ms);
  create.profile = profile.name;
  create.profile_id = profile.id;
  create.nvml_profile = profile.nvml_profile;
  create.gpu_placement = seat.placement;
  std::vector<Step> steps = {create};
  for (const ComputeChange::Created& created : seat.compute.created) {
    steps.push_back(create_compute(gpu, profile, seat, created, policy));
  }
  return steps;
}

void append(std::vector<Step>& steps, std::vector<Step> more) {
  std::move(more.begin(), more.end(), std::back_inserter(steps));
}

// Walks the creations, largest first, and frees what each needs just before it.
class Order {
 public:
  Order(const Board& board, const Assignment& assignment, const Policy& policy)
      : board_(board), policy_(policy), load_(board.empty()), gone_(assignment.gone) {
    for (const Seat& seat : assignment.seats) {
      if (seat.kept != nullptr) {
        account(*seat.kept, true);
      }
    }
    for (const GpuInstance* instance : gone_) {
      account(*instance, true);
    }
  }

  void create(std::size_t profile, const Seat& seat) {
    const Placed placed{profile, seat.placement};
    while (!board_.fits(load_, placed) && !gone_.empty()) {
      const auto overlapping =
          std::find_if(gone_.begin(), gone_.end(), [&](const GpuInstance* instance) {
            return instance->placement.overlaps(seat.placement);
          });
      destroy(overlapping == gone_.end() ? gone_.begin() : overlapping);
    }
    append(steps_, create_steps(board_.gpu(), board_.profiles()[profile], seat, policy_));
    board_.add(load_, placed);
  }

  std::vector<Step> finish() {
    while (!gone_.empty()) {
      destroy(gone_.begin());
    }
    return std::move(steps_);
  }

 private:
  void account(const GpuInstance& instance, bool present) {
    if (const auto profile = board_.find(instance.profile_id)) {
      const Placed placed{*profile, instance.placement};
      present ? board_.add(load_, placed) : board_.remove(load_, placed);
    } else {
      present ? Board::occupy(load_, instance.placement)
              : Board::release(load_, instance.placement);
    }
  }

  void destroy(std::vector<const GpuInstance*>::iterator instance) {
    append(steps_, destroy_steps(board_.gpu(), **instance, policy_));
    account(**instance, false);
    gone_.erase(instance);
  }

  const Board& board_;
  const Policy& policy_;
  Load load_;
  std::vector<const GpuInstance*> gone_;
  std::vector<Step> steps_;
};

}  // namespace

std::vector<Step> destroy_steps(const Gpu& gpu, const GpuInstance& instance, const Policy& policy) {
  std::vector<Step> steps;
  for (const ComputeInstance& compute : instance.compute_instances) {
    steps.push_back(destroy_compute(gpu, instance, compute, policy));
  }
  Step destroy = step_on(gpu, StepKind::kDestroyGpuInstance, policy.destroy_ms);
  destroy.gpu_instance = instance.id;
  destroy.profile = instance.name;
  destroy.profile_id = instance.profile_id;
  destroy.nvml_profile = instance.nvml_profile;
  destroy.gpu_placement = instance.placement;
  steps.push_back(std::move(destroy));
  return steps;
}

Step mode_step(const Gpu& gpu, StepKind kind, const Policy& policy) {
  return step_on(gpu, kind, kind == StepKind::kResetGpu ? policy.reset_ms : policy.mode_ms);
}

std::vector<Step> layout_steps(const Board& board,
                               const Assignment& assignment,
                               const Policy& policy) {
  std::vector<Step> inside;
  std::vector<std::pair<std::size_t, const Seat*>> creations;
  for (const Seat& seat : assignment.seats) {
    if (seat.kept == nullptr) {
      creations.emplace_back(seat.profile, &seat);
      continue;
    }
    for (const ComputeInstance* compute : seat.compute.destroyed) {
      inside.push_back(destroy_compute(board.gpu(), *seat.kept, *compute, policy));
    }
    for (const ComputeChange::Created& created : seat.compute.created) {
      inside.push_back(
          create_compute(board.gpu(), board.profiles()[seat.profile], seat, created, policy));
    }
  }
  std::stable_sort(creations.begin(), creations.end(), [](const auto& a, const auto& b) {
    return a.second->placement.size != b.second->placement.size
               ? a.second->placement.size > b.second->placement.size
               : a.second->placement.start < b.second->placement.start;
  });
  Order order(board, assignment, policy);
  for (const auto& [profile, seat] : creations) {
    order.create(profile, *seat);
  }
  append(inside, order.finish());
  return inside;
}

}  // namespace mig::planner
