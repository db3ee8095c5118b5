// SPDX-License-Identifier: Apache-2.0
#include "planner/steps.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace mig::planner {
namespace {

Step step_on(const Gpu& gpu, StepKind kind) {
  Step step;
  step.kind = kind;
  step.gpu = gpu.index;
  step.gpu_uuid = gpu.uuid;
  return step;
}

Step create_compute(const Gpu& gpu,
                    const GpuInstanceProfile& profile,
                    const Seat& seat,
                    const ComputeChange::Created& created) {
  Step step = step_on(gpu, StepKind::kCreateComputeInstance);
  step.profile = created.profile->name;
  step.profile_id = profile.id;
  step.nvml_profile = created.profile->nvml_profile;
  step.sm = created.profile->sm;
  step.gpu_placement = seat.placement;
  step.ci_placement = created.placement;
  return step;
}

std::vector<Step> create_steps(const Gpu& gpu,
                               const GpuInstanceProfile& profile,
                               const Seat& seat) {
  Step create = step_on(gpu, StepKind::kCreateGpuInstance);
  create.profile = profile.name;
  create.profile_id = profile.id;
  create.nvml_profile = profile.nvml_profile;
  create.gpu_placement = seat.placement;
  std::vector<Step> steps = {create};
  for (const ComputeChange::Created& created : seat.compute.created) {
    steps.push_back(create_compute(gpu, profile, seat, created));
  }
  return steps;
}

// Steps inside a kept GPU instance. Destroys come first: drivers assign the lowest free id, and a
// restored compute instance must get its id back.
std::vector<Step> inside_steps(const Board& board, const Seat& seat) {
  std::vector<Step> steps;
  for (const ComputeInstance* compute : seat.compute.destroyed) {
    steps.push_back(destroy_step(board.gpu(), *seat.kept, *compute));
  }
  for (const ComputeChange::Created& created : seat.compute.created) {
    steps.push_back(create_compute(board.gpu(), board.profiles()[seat.profile], seat, created));
  }
  return steps;
}

void append(std::vector<Step>& steps, std::vector<Step> more) {
  std::move(more.begin(), more.end(), std::back_inserter(steps));
}

// Make before break: creates what fits, largest first; then destroys one instance that the next one
// needs gone, and so on.
class Order {
 public:
  Order(const Board& board, const Assignment& assignment)
      : board_(board), load_(board.empty()), gone_(assignment.gone) {
    for (const Seat& seat : assignment.seats) {
      if (seat.kept != nullptr) {
        account(*seat.kept, true);
      } else {
        waiting_.push_back(&seat);
      }
    }
    for (const GpuInstance* instance : gone_) {
      account(*instance, true);
    }
    std::stable_sort(waiting_.begin(), waiting_.end(), [](const Seat* a, const Seat* b) {
      return a->placement.size != b->placement.size ? a->placement.size > b->placement.size
                                                    : a->placement.start < b->placement.start;
    });
  }

  std::vector<Step> create_what_fits() {
    std::vector<const Seat*> later;
    for (const Seat* seat : waiting_) {
      const Placed placed = place_of(*seat);
      if (board_.fits(load_, placed)) {
        append(steps_, create_steps(board_.gpu(), board_.profiles()[seat->profile], *seat));
        board_.add(load_, placed);
      } else {
        later.push_back(seat);
      }
    }
    waiting_ = std::move(later);
    return std::exchange(steps_, {});
  }

  std::vector<Step> finish() {
    std::vector<Step> all = create_what_fits();
    while (!gone_.empty()) {
      destroy(waiting_.empty() ? gone_.begin() : in_the_way_of(*waiting_.front()));
      append(all, std::exchange(steps_, {}));
      append(all, create_what_fits());
    }
    return all;
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

  static Placed place_of(const Seat& seat) { return {seat.profile, seat.placement}; }

  using Gone = std::vector<const GpuInstance*>::iterator;

  // An instance to destroy for this seat: one that overlaps its slots; else one that a count or the
  // compute slices require; else any.
  Gone in_the_way_of(const Seat& seat) {
    auto found = std::find_if(gone_.begin(), gone_.end(), [&](const GpuInstance* instance) {
      return instance->placement.overlaps(seat.placement);
    });
    if (found == gone_.end()) {
      found = std::find_if(gone_.begin(), gone_.end(), [&](const GpuInstance* instance) {
        account(*instance, false);
        const bool enough = board_.fits(load_, place_of(seat));
        account(*instance, true);
        return enough;
      });
    }
    return found == gone_.end() ? gone_.begin() : found;
  }

  void destroy(Gone instance) {
    append(steps_, destroy_steps(board_.gpu(), **instance));
    account(**instance, false);
    gone_.erase(instance);
  }

  const Board& board_;
  Load load_;
  std::vector<const GpuInstance*> gone_;
  std::vector<const Seat*> waiting_;  // seats to create, largest first
  std::vector<Step> steps_;
};

}  // namespace

Step destroy_step(const Gpu& gpu, const GpuInstance& instance) {
  Step step = step_on(gpu, StepKind::kDestroyGpuInstance);
  step.gpu_instance = instance.id;
  step.profile = instance.name;
  step.profile_id = instance.profile_id;
  step.nvml_profile = instance.nvml_profile;
  step.gpu_placement = instance.placement;
  return step;
}

Step destroy_step(const Gpu& gpu, const GpuInstance& instance, const ComputeInstance& compute) {
  Step step = destroy_step(gpu, instance);
  step.kind = StepKind::kDestroyComputeInstance;
  step.compute_instance = compute.id;
  step.profile = compute.name;
  step.nvml_profile = compute.nvml_profile;
  step.sm = compute.sm;
  step.ci_placement = compute.placement;
  return step;
}

std::vector<Step> destroy_steps(const Gpu& gpu, const GpuInstance& instance) {
  std::vector<Step> steps;
  for (const ComputeInstance& compute : instance.compute_instances) {
    steps.push_back(destroy_step(gpu, instance, compute));
  }
  steps.push_back(destroy_step(gpu, instance));
  return steps;
}

Step mode_step(const Gpu& gpu, StepKind kind) {
  return step_on(gpu, kind);
}

std::vector<Step> layout_steps(const Board& board, const Assignment& assignment) {
  Order order(board, assignment);
  std::vector<Step> steps = order.create_what_fits();
  for (const Seat& seat : assignment.seats) {
    if (seat.kept != nullptr) {
      append(steps, inside_steps(board, seat));
    }
  }
  append(steps, order.finish());
  return steps;
}

}  // namespace mig::planner
