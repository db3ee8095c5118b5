// SPDX-License-Identifier: Apache-2.0
// A Plan is a value: ordered steps that lead from one Inventory to a DesiredLayout, each with its
// undo and its cost, and the blockers. Plans are printed, compared, saved as JSON and applied.
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

// All data to execute a step and, with `kind` reversed, to undo it at the same placement. For
// kDestroy*: the current ids. For kCreate*: gpu_instance/compute_instance are assigned by the
// driver and known only after the step (nullopt in a plan); a compute instance is created in the
// GPU instance at `gpu_placement`, whatever its id.
struct Step {
  StepKind kind = StepKind::kCreateGpuInstance;
  GpuIndex gpu;
  std::string gpu_uuid;
  std::optional<GpuInstanceId> gpu_instance;
  std::optional<ComputeInstanceId> compute_instance;
  ProfileName profile;                    // of the created or destroyed instance
  ProfileId profile_id;                   // GPU instance profile id (kCreate/DestroyGpuInstance)
  std::uint32_t nvml_profile = 0;         // of the created or destroyed instance
  Placement gpu_placement;                // of the GPU instance
  std::optional<Placement> ci_placement;  // of the compute instance inside it, if known
  std::uint32_t estimated_ms = 0;
  std::optional<std::uint32_t> sm = {};  // of the compute instance, if known

  // The step that undoes this one (kCreate* for kDestroy* at the same placement), by itself;
  // undo_steps() undoes several.
  Step undo() const;
  std::string str() const;  // text: "create 3g.20gb on GPU 1 at 4:4"
};

// Order in which `done` is undone, as indices: last first, except that the reset that completes a
// mode change stays behind it, or the mode would never become active again.
std::vector<std::size_t> undo_order(const std::vector<Step>& done);
// The undo of each step, in that order.
std::vector<Step> undo_steps(const std::vector<Step>& done);

// A process or lease that a step would harm or that blocks the step.
struct Blocker {
  GpuIndex gpu;
  std::optional<GpuInstanceId> gpu_instance;
  std::optional<Process> process;
  std::string what;  // text: "pid 4121 (python) runs on 2g.10gb gi=3"
  enum class Stops { kDestroy, kReset, kModeChange } stops = Stops::kDestroy;
  // Start time of the process (ticks since boot): with the pid it identifies a process despite pid
  // reuse. 0 = unknown.
  std::uint64_t start_ticks = 0;
  std::optional<InstanceLease> lease = {};  // instead of `process`
};

// A compute instance inside an instance of a layout.
struct CellCompute {
  ProfileName profile;
  std::optional<std::uint32_t> sm;  // nullopt = not reported by the driver
  friend bool operator==(const CellCompute&, const CellCompute&) = default;
};

// An instance of a layout, as drawn.
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
  std::vector<Blocker> blockers;  // non-empty: the plan cannot run
  bool compute_changes = false;   // compute instances change inside kept GPU instances

  bool changes() const {
    return !destroyed.empty() || !created.empty() || compute_changes || before.mode != after.mode;
  }
};

// Placement for one more instance of the spare room (DesiredLayout::spare) after the plan.
struct KeptRoom {
  GpuIndex gpu;
  ProfileName profile;
  Placement placement;
};

struct Plan {
  std::string label;
  std::uint64_t generation = 0;  // plan_generation() at planning
  std::vector<GpuPlan> gpus;     // every GPU of the desired layout, changed or not
  std::vector<Step> steps;       // in order
  std::vector<std::string> warnings;
  std::uint32_t estimated_ms = 0;
  std::vector<KeptRoom> kept_room = {};  // all of them fit together

  bool empty() const { return steps.empty(); }

  bool blocked() const;
};

// layout_generation() of the plan's own GPUs, or of all when it keeps spare room anywhere on the
// machine. Changes of other GPUs do not make a plan stale.
std::uint64_t plan_generation(const Inventory& inventory, const Plan& plan);

}  // namespace mig

#endif  // MIG_PLAN_H_
