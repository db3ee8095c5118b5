// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "model/strip.h"
#include "planner/blockers.h"
#include "planner/requests.h"
#include "planner/steps.h"

namespace mig::planner {
namespace {

using Request = DestroyRequest;

bool compute_wanted(const Request& request, const ComputeInstance& compute) {
  return !request.compute_instance || compute.id == *request.compute_instance;
}

void add_blockers(const Gpu& gpu,
                  const GpuInstance& instance,
                  const Request& request,
                  GpuPlan& plan) {
  const bool part = request.compute_only && request.compute_instance;
  for (Blocker& blocker :
       blockers_of_destroy(gpu, instance, part ? request.compute_instance : std::nullopt)) {
    plan.blockers.push_back(std::move(blocker));
  }
}

// Reverse order of creation: undone in reverse, compute instances get their ids back.
std::vector<Step> steps_for(const Gpu& gpu, const GpuInstance& instance, const Request& request) {
  std::vector<Step> steps;
  for (auto compute = instance.compute_instances.rbegin();
       compute != instance.compute_instances.rend();
       ++compute) {
    if (compute_wanted(request, *compute)) {
      steps.push_back(destroy_step(gpu, instance, *compute));
    }
  }
  if (!request.compute_only) {
    steps.push_back(destroy_step(gpu, instance));
  }
  return steps;
}

// Compute instances that the request leaves in a kept instance.
std::vector<CellCompute> computes_left(const GpuInstance& instance, const Request& request) {
  std::vector<CellCompute> left;
  for (const ComputeInstance& compute : instance.compute_instances) {
    if (!compute_wanted(request, compute)) {
      left.push_back({compute.name, compute.sm});
    }
  }
  return left;
}

void add_gpu(const Gpu& gpu, const Request& request, Plan& plan) {
  GpuPlan out;
  out.gpu = gpu.index;
  out.uuid = gpu.uuid;
  out.name = gpu.name;
  out.before = layout_of(gpu);
  out.after = out.before;
  bool any = false;
  for (const GpuInstance& instance : gpu.instances) {
    if (request.gpu_instance && instance.id != *request.gpu_instance) {
      continue;
    }
    std::vector<Step> steps = steps_for(gpu, instance, request);
    if (steps.empty()) {
      continue;
    }
    any = true;
    plan.steps.insert(plan.steps.end(), steps.begin(), steps.end());
    add_blockers(gpu, instance, request, out);
    const auto cell =
        std::find_if(out.after.cells.begin(), out.after.cells.end(), [&](const LayoutCell& one) {
          return one.placement == instance.placement;
        });
    if (request.compute_only) {
      cell->computes = computes_left(instance, request);
    } else {
      out.destroyed.push_back(*cell);
      out.after.cells.erase(cell);
    }
  }
  out.kept = out.after.cells;
  out.compute_changes = any && request.compute_only;
  if (any) {
    plan.gpus.push_back(std::move(out));
  }
}

// Existing instances, for a request that matched none: "MIG is off on GPU 0; GPU 1 has 1g.5gb
// gi=7".
std::string what_is_there(const Inventory& inventory, const Request& request) {
  std::vector<std::string> parts;
  for (const Gpu& gpu : inventory.gpus) {
    if (request.gpu && gpu.index != *request.gpu) {
      continue;
    }
    if (gpu.mig_current != MigMode::kEnabled) {
      parts.push_back(fmt::format("MIG is off on GPU {}", gpu.index.value));
    }
    for (const GpuInstance& instance : gpu.instances) {
      parts.push_back(fmt::format(
          "GPU {} has {} gi={}", gpu.index.value, instance.name.str(), instance.id.value));
    }
  }
  return parts.empty() ? "migctl list shows what is there" : base::join(parts, "; ");
}

Error nothing_there(const Inventory& inventory, const Request& request) {
  std::string what = request.compute_only ? "compute instance" : "GPU instance";
  if (request.compute_instance) {
    what += fmt::format(" {}", request.compute_instance->value);
  }
  if (request.gpu_instance) {
    what +=
        fmt::format("{} gi={}", request.compute_instance ? " in" : "", request.gpu_instance->value);
  }
  std::string where = request.gpu ? fmt::format(" on GPU {}", request.gpu->value) : "";
  return Error{ErrorCode::kNothingMatched,
               fmt::format("there is no {}{} to destroy", what, where),
               what_is_there(inventory, request),
               {},
               {}};
}

}  // namespace

Result<Plan> plan_of_destroy(const Inventory& inventory, const Request& request) {
  Plan plan;
  plan.label = "destroy";
  if (!request.gpu) {
    MIG_TRY(inventory.none_lost());
  }
  if (const LostGpu* lost = request.gpu ? inventory.find_lost(*request.gpu) : nullptr) {
    return lost->why;
  }
  if (request.gpu && inventory.find_gpu(*request.gpu) == nullptr) {
    return fail(ErrorCode::kNothingMatched,
                fmt::format("there is no GPU {}", request.gpu->value),
                "migctl list shows the GPUs");
  }
  for (const Gpu& gpu : inventory.gpus) {
    if (request.gpu && gpu.index != *request.gpu) {
      continue;
    }
    if (!gpu.instances_complete) {
      return fail(ErrorCode::kPermission,
                  fmt::format("cannot destroy instances on GPU {}: the driver refuses to list them "
                              "to us",
                              gpu.index.value),
                  "run it as root (sudo), or as the owner of the simulated machine");
    }
    add_gpu(gpu, request, plan);
  }
  if (plan.steps.empty()) {
    return nothing_there(inventory, request);
  }
  plan.generation = plan_generation(inventory, plan);
  return plan;
}

}  // namespace mig::planner
