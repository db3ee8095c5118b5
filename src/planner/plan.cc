// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "base/strings.h"
#include "model/instance.h"
#include "model/slots.h"
#include "model/strip.h"
#include "planner/blockers.h"
#include "planner/planner.h"
#include "planner/proof.h"
#include "planner/search.h"
#include "planner/spare.h"
#include "planner/steps.h"
#include "planner/wants.h"
#include "planner/words.h"

namespace mig::planner {
namespace {

struct GpuOutcome {
  GpuPlan plan;
  std::vector<Step> steps;
};

LayoutCell cell_of(const Gpu& gpu, const GpuInstance& instance) {
  return {instance.name, instance.placement, is_busy(gpu, instance), computes_of(instance)};
}

// Compute instances of a seat (see search.h) after the plan.
std::vector<CellCompute> computes_in(const Seat& seat) {
  std::vector<CellCompute> out;
  const auto& gone = seat.compute.destroyed;
  for (std::size_t i = 0; seat.kept != nullptr && i < seat.kept->compute_instances.size(); ++i) {
    const ComputeInstance& compute = seat.kept->compute_instances[i];
    if (std::find(gone.begin(), gone.end(), &compute) == gone.end()) {
      out.push_back({compute.name, compute.sm});
    }
  }
  for (const ComputeChange::Created& created : seat.compute.created) {
    out.push_back({created.profile->name, created.profile->sm});
  }
  return out;
}

void sort_cells(std::vector<LayoutCell>& cells) {
  std::stable_sort(cells.begin(), cells.end(), [](const LayoutCell& a, const LayoutCell& b) {
    return a.placement < b.placement;
  });
}

void block_destroy(const Gpu& gpu, const GpuInstance& instance, std::vector<Blocker>& blockers) {
  for (Blocker& blocker : blockers_of_destroy(gpu, instance)) {
    blockers.push_back(std::move(blocker));
  }
}

// Mode steps, in order; empty when the mode is as wanted, now and after a reset.
std::vector<Step> mode_steps(const Gpu& gpu, bool enable) {
  const MigMode wanted = enable ? MigMode::kEnabled : MigMode::kDisabled;
  const StepKind kind = enable ? StepKind::kEnableMig : StepKind::kDisableMig;
  std::vector<Step> steps;
  if (gpu.mig_pending != wanted || gpu.mig_current != wanted) {
    steps.push_back(mode_step(gpu, kind));  // also when already pending: the undo needs the pair
  }
  // A pending mode needs a reset on every architecture; a new mode only on Ampere: from Hopper on
  // it takes effect at once.
  const bool waits = gpu.mig_pending == wanted || gpu.architecture == Architecture::kAmpere;
  if (gpu.mig_current != wanted && waits) {
    steps.push_back(mode_step(gpu, StepKind::kResetGpu));
  }
  return steps;
}

void block_mode(const Gpu& gpu, const std::vector<Step>& steps, std::vector<Blocker>& blockers) {
  const bool reset = !steps.empty() && steps.back().kind == StepKind::kResetGpu;
  for (const Process& process : gpu.processes) {
    // A mode change without a reset succeeds under Xorg and gnome-shell (RTX PRO 6000 Max-Q,
    // 580.105.08).
    if (process.graphics && !process.gpu_instance && !reset) {
      continue;
    }
    blockers.push_back({gpu.index,
                        std::nullopt,
                        process,
                        fmt::format("{} runs on GPU {}", name_of(process), gpu.index.value),
                        reset ? Blocker::Stops::kReset : Blocker::Stops::kModeChange});
  }
}

GpuOutcome disable(const Gpu& gpu) {
  GpuOutcome out;
  const bool active = gpu.mig_current == MigMode::kEnabled;
  for (const GpuInstance& instance : active ? gpu.instances : std::vector<GpuInstance>{}) {
    const auto steps = destroy_steps(gpu, instance);
    out.steps.insert(out.steps.end(), steps.begin(), steps.end());
    out.plan.destroyed.push_back(cell_of(gpu, instance));
    block_destroy(gpu, instance, out.plan.blockers);
  }
  const auto mode = mode_steps(gpu, false);
  if (active && gpu.instances.empty()) {
    block_mode(gpu, mode, out.plan.blockers);
  }
  out.steps.insert(out.steps.end(), mode.begin(), mode.end());
  return out;
}

void describe(const Gpu& gpu, const Board& board, const Assignment& assignment, GpuPlan& plan) {
  for (const GpuInstance* instance : assignment.gone) {
    plan.destroyed.push_back(cell_of(gpu, *instance));
    block_destroy(gpu, *instance, plan.blockers);
  }
  for (const Seat& seat : assignment.seats) {
    if (seat.kept == nullptr) {
      plan.created.push_back(
          {board.profiles()[seat.profile].name, seat.placement, false, computes_in(seat)});
      continue;
    }
    plan.kept.push_back(cell_of(gpu, *seat.kept));
    plan.kept.back().computes = computes_in(seat);
    plan.compute_changes = plan.compute_changes || !seat.compute.empty();
    if (seat.compute.busy_destroyed > 0) {
      block_destroy(gpu, *seat.kept, plan.blockers);
    }
  }
}

Result<GpuOutcome> enable(const Gpu& gpu,
                          const DesiredGpu& desired,
                          const Policy& policy,
                          const std::vector<std::size_t>& spare) {
  GpuOutcome out;
  const Board board(gpu);
  MIG_ASSIGN_OR_RETURN(const auto wants, read_wants(board, desired));
  const auto existing =
      gpu.mig_current == MigMode::kEnabled ? existing_on(board) : std::vector<Existing>{};
  const SearchInput input{board, wants, existing, policy.keep_busy, spare};
  const auto assignment = best_assignment(input);
  if (!assignment) {
    return why_not(input);
  }
  out.steps = mode_steps(gpu, true);
  if (gpu.mig_current != MigMode::kEnabled) {
    block_mode(gpu, out.steps, out.plan.blockers);
  }
  const auto steps = layout_steps(board, *assignment);
  out.steps.insert(out.steps.end(), steps.begin(), steps.end());
  describe(gpu, board, *assignment, out.plan);
  return out;
}

Result<GpuOutcome> plan_gpu(const Gpu& gpu,
                            const DesiredGpu& desired,
                            const Policy& policy,
                            const std::vector<std::size_t>& spare) {
  if (gpu.mig_current == MigMode::kUnsupported && desired.mig_enabled) {
    return Error{ErrorCode::kNotSupported,
                 fmt::format("GPU {} ({}) cannot do MIG", gpu.index.value, gpu.name),
                 gpu.has_outputs() ? gpu.way_to_mig() + "; or leave it out of the layout"
                                   : "leave it out of the layout"};
  }
  if (gpu.mig_current == MigMode::kEnabled && !gpu.instances_complete) {
    return Error{ErrorCode::kPermission,
                 fmt::format("cannot plan GPU {} ({}): the driver does not list all its instances "
                             "to this user",
                             gpu.index.value,
                             gpu.name),
                 "run this as root"};
  }
  GpuOutcome out;
  if (desired.mig_enabled) {
    MIG_ASSIGN_OR_RETURN(out, enable(gpu, desired, policy, spare));
  } else if (gpu.mig_current != MigMode::kUnsupported) {
    out = disable(gpu);
  }
  GpuPlan& plan = out.plan;
  plan.gpu = gpu.index;
  plan.uuid = gpu.uuid;
  plan.name = gpu.name;
  plan.before = layout_of(gpu);
  plan.after = plan.before;
  if (gpu.mig_current != MigMode::kUnsupported) {
    plan.after.mode = desired.mig_enabled ? MigMode::kEnabled : MigMode::kDisabled;
  }
  plan.after.cells = plan.kept;
  plan.after.cells.insert(plan.after.cells.end(), plan.created.begin(), plan.created.end());
  for (auto* cells : {&plan.after.cells, &plan.kept, &plan.created, &plan.destroyed}) {
    sort_cells(*cells);
  }
  return out;
}

// Joins the in-use errors of every GPU into one, so that the user can clear all of them at once.
Error all_in_use(std::vector<Error> errors) {
  Error all = std::move(errors.front());
  for (std::size_t i = 1; i < errors.size(); ++i) {
    all.message += "; and " + errors[i].text();
    if (errors[i].hint != all.hint) {
      all.hint += "; and " + errors[i].hint;
    }
  }
  return all;
}

Result<Plan> plan_beside(const Inventory& inventory,
                         const DesiredLayout& desired,
                         const Policy& policy,
                         const SpareShares& shares) {
  Plan out;
  out.label = desired.label;
  out.warnings = desired.warnings;
  std::vector<Error> in_use;
  for (const DesiredGpu& wanted : desired.gpus) {
    const Gpu* gpu = inventory.find_gpu(wanted.gpu);
    if (gpu == nullptr) {
      return fail(ErrorCode::kNotFound,
                  fmt::format("there is no GPU {}", wanted.gpu.value),
                  fmt::format("this machine has {}", base::counted(inventory.gpus.size(), "GPU")));
    }
    const auto share = shares.find(gpu->index);
    auto outcome = plan_gpu(
        *gpu, wanted, policy, share == shares.end() ? std::vector<std::size_t>() : share->second);
    if (!outcome) {
      Error error = std::move(outcome).error();
      if (wanted.position.line > 0) {
        error = std::move(error).in(wanted.position.str());
      }
      if (error.code != ErrorCode::kInUse) {
        return error;
      }
      in_use.push_back(std::move(error));
      continue;
    }
    out.gpus.push_back(std::move(outcome->plan));
    out.steps.insert(out.steps.end(), outcome->steps.begin(), outcome->steps.end());
  }
  if (!in_use.empty()) {
    return all_in_use(std::move(in_use));
  }
  set_expected_times(inventory, policy.history, out);
  out.generation = plan_generation(inventory, out);
  return out;
}

}  // namespace

// Plans without the spare room first: an error of the layout itself is reported as such, and a
// refusal of the spare room can name what occupies it.
Result<Plan> plan(const Inventory& inventory, const DesiredLayout& desired, const Policy& policy) {
  auto plain = plan_beside(inventory, desired, policy, {});
  if (!plain || desired.spare.empty()) {
    return plain;
  }
  MIG_ASSIGN_OR_RETURN(const SpareShares shares,
                       share_spare(inventory, desired, policy.keep_busy, *plain));
  MIG_ASSIGN_OR_RETURN(Plan out, plan_beside(inventory, desired, policy, shares));
  out.kept_room = kept_room(inventory, out, shares);
  out.generation = plan_generation(inventory, out);
  return out;
}

}  // namespace mig::planner
