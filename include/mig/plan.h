// SPDX-License-Identifier: Apache-2.0
// A Plan is a value: ordered steps that lead from one Inventory to a DesiredLayout, each with its
// undo, its cost, and who stands in the way. It is printed, compared, saved as JSON and applied.
#ifndef MIG_PLAN_H_
#define MIG_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/layout.h"

namespace mig {

enum class StepKind {
  kDestroyComputeInstance,
  kDestroyGpuInstance,
  kDisableMig,
  kEnableMig,
  kResetGpu,
  kCreateGpuInstance,
  kCreateComputeInstance,
};

// Everything needed to do a step and, with `kind` reversed, to undo it at the same place.
// For kDestroy*: the ids that exist now. For kCreate*: gpu_instance/compute_instance are the ids
// the driver gave, known only after the step ran (nullopt in a plan); a compute instance is created
// in the GPU instance at `gpu_placement`, whatever id that has by then.
struct Step {
  StepKind kind = StepKind::kCreateGpuInstance;
  GpuIndex gpu;
  std::string gpu_uuid;
  std::optional<GpuInstanceId> gpu_instance;
  std::optional<ComputeInstanceId> compute_instance;
  ProfileName profile;                    // of the instance created or destroyed
  ProfileId profile_id;                   // GPU instance profile id (kCreate/DestroyGpuInstance)
  std::uint32_t nvml_profile = 0;         // of the instance created or destroyed
  Placement gpu_placement;                // of the GPU instance
  std::optional<Placement> ci_placement;  // of the compute instance inside it, when known
  std::uint32_t estimated_ms = 0;
  std::optional<std::uint32_t> sm = {};  // of the compute instance, when known

  // What undoes it, in words and as a step (kCreate* undoes kDestroy* at the same placement).
  // On its own; the undo of many is undo_steps().
  Step undo() const;
  std::string str() const;  // "create 3g.20gb on GPU 1 at 4:4"
};

// The order in which `done` is taken back, as indices into it: last first, but the reset that
// completes a mode change stays behind that mode change, or the mode would never become active
// again.
std::vector<std::size_t> undo_order(const std::vector<Step>& done);
// Each step's undo, in that order.
std::vector<Step> undo_steps(const std::vector<Step>& done);

// Somebody whom a step would hurt or who stops the step: a process or a lease.
struct Blocker {
  GpuIndex gpu;
  std::optional<GpuInstanceId> gpu_instance;
  std::optional<Process> process;
  std::string what;  // "pid 4121 (python) runs on 2g.10gb gi=3"
  enum class Stops { kDestroy, kReset, kModeChange } stops = Stops::kDestroy;
  // When the process started (ticks since boot): with its pid it names one process for good, also
  // when the number is used again. 0 = unknown.
  std::uint64_t start_ticks = 0;
  std::optional<InstanceLease> lease = {};  // in place of `process`
};

// A compute instance inside an instance of a layout.
struct CellCompute {
  ProfileName profile;
  std::optional<std::uint32_t> sm;  // nullopt = the driver has not told
  friend bool operator==(const CellCompute&, const CellCompute&) = default;
};

// One instance as a picture needs it.
struct LayoutCell {
  ProfileName profile;
  Placement placement;
  bool busy = false;
  std::vector<CellCompute> computes = {};
};

struct GpuLayout {
  MigMode mode = MigMode::kDisabled;
  std::uint32_t memory_slices = 0;
  std::vector<LayoutCell> cells;  // ascending start
};

struct GpuPlan {
  GpuIndex gpu;
  std::string uuid;
  std::string name;
  GpuLayout before, after;
  std::vector<LayoutCell> kept, destroyed, created;
  std::vector<Blocker> blockers;  // non-empty: the plan cannot run as it is
  bool compute_changes = false;   // compute instances change inside kept GPU instances

  bool changes() const {
    return !destroyed.empty() || !created.empty() || compute_changes || before.mode != after.mode;
  }
};

// Where one more instance of the spare room (DesiredLayout::spare) fits after the plan.
struct KeptRoom {
  GpuIndex gpu;
  ProfileName profile;
  Placement placement;
};

struct Plan {
  std::string label;
  std::uint64_t generation = 0;  // plan_generation() it was made for
  std::vector<GpuPlan> gpus;     // every GPU of the desired layout, changed or not
  std::vector<Step> steps;       // in order
  std::vector<std::string> warnings;
  std::uint32_t estimated_ms = 0;
  std::vector<KeptRoom> kept_room = {};  // all of them fit together

  bool empty() const { return steps.empty(); }

  bool blocked() const;
};

// layout_generation() of what the plan depends on: its own GPUs, or all when it keeps room
// somewhere on the machine. What happens on other GPUs does not make a plan stale.
std::uint64_t plan_generation(const Inventory& inventory, const Plan& plan);

}  // namespace mig

#endif  // MIG_PLAN_H_
