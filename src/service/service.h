// SPDX-License-Identifier: Apache-2.0
// The use cases that the command line and the daemon share. A Service owns one driver session (real
// or simulated) and reads Inventories, plans, applies, and does single steps with the same
// preflight and verification as apply. Results are values; nothing is printed here.
//
// Threading: one Service from one thread at a time. Errors: Result everywhere.
#ifndef MIGCTL_SERVICE_SERVICE_H_
#define MIGCTL_SERVICE_SERVICE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/layout.h"
#include "mig/plan.h"
#include "mig/result.h"

#include "apply/apply.h"
#include "apply/recover.h"
#include "config/checkpoint_names.h"
#include "holders/holders.h"
#include "launch/run.h"
#include "service/slot_view.h"

namespace mig::service {

// Which driver: the library named; else the simulated machine named; else the real driver if it
// loads and initialises; else the one simulated machine that exists; else kNoDriver with the
// command that makes one.
struct DriverChoice {
  std::string nvml_library;     // --nvml-library PATH
  std::string simulated;        // --sim NAME
  std::string sim_library_dir;  // folder of the simulator's libnvidia-ml.so.1
  // A simulated machine only where one is named (--sim, $MIGSIM_MACHINE, `sim shell`), never
  // because the driver did not start: for what runs unattended and would serve it as the node.
  bool only_named = false;
};

using Outcome = apply::Outcome;
using StepReport = apply::StepReport;
using ApplyResult = apply::ApplyResult;
using Progress = apply::Progress;
using ApplyOptions = apply::ApplyOptions;

class Service {
 public:
  static Result<std::unique_ptr<Service>> open(const DriverChoice& choice);
  virtual ~Service() = default;
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  virtual bool simulated() const = 0;
  virtual std::string machine_name() const = 0;  // of the simulated machine, else ""

  // Called before the driver is read; what it returns is dropped after. For who does not want to
  // wait for ever: a driver call that hangs cannot be taken back.
  using Watch = std::function<std::shared_ptr<void>()>;
  virtual void watch(Watch watch) = 0;

  virtual Result<Inventory> inventory() = 0;

  // Lets go of the GPUs until the driver is asked next: whoever is between nvmlInit and
  // nvmlShutdown keeps an Ampere GPU from changing its mode and every GPU from a reset. For who
  // waits: the daemon between requests, `run` while its command runs, --wait.
  virtual void rest() = 0;

  // Busy instances - with processes on them, or with their nodes open - stay where they are. When
  // that is impossible, the plan is blocked: its blockers are the fewest that would have to go, and
  // a warning says why. `around` false: as few busy instances as possible are in the way at all.
  virtual Result<Plan> plan(const DesiredLayout& desired, bool around) = 0;

  Result<Plan> plan(const DesiredLayout& desired) { return plan(desired, true); }

  // Of a plan that was made earlier: blockers who are gone by now are struck out.
  virtual Result<void> refresh_blockers(Plan& plan) = 0;
  // An Error means that nothing was changed (apply/apply.h): kConflict when the machine's layout is
  // not the one the plan was made for, or another writer is at work, named by its pid; kInUse when
  // the plan is blocked. From the first change on, the result tells.
  virtual Result<ApplyResult> apply(const Plan& plan, const ApplyOptions& options) = 0;

  // Single steps, planned and applied like a layout.
  struct CreateRequest {
    GpuIndex gpu;
    std::vector<DesiredInstance> instances;  // added to what is there
    std::vector<SpareRoom> spare = {};       // and this must still fit afterwards
  };

  virtual Result<Plan> plan_create(const CreateRequest& request) = 0;

  struct DestroyRequest {
    std::optional<GpuIndex> gpu;                // nullopt = every GPU
    std::optional<GpuInstanceId> gpu_instance;  // nullopt = every instance
    std::optional<ComputeInstanceId> compute_instance;
    bool compute_only = false;  // leave the GPU instances
  };

  virtual Result<Plan> plan_destroy(const DestroyRequest& request) = 0;
  // `gpus` empty = every GPU that can do MIG.
  virtual Result<Plan> plan_mode(const std::vector<GpuIndex>& gpus, bool enable) = 0;

  // What happened to this machine, newest first; empty when nothing was ever changed by us.
  virtual Result<std::vector<store::ChangeRow>> history(std::int64_t limit) = 0;

  // One of them, with its plan and what became of each step; kNotFound.
  struct ChangeRecord {
    store::ChangeRow change;
    std::vector<store::StepRow> steps;
    std::vector<store::AttemptRow> attempts;
  };

  virtual Result<ChangeRecord> change(std::int64_t id) = 0;
  // A change that was cut short and waits for recover(); nullopt also while its process lives.
  virtual Result<std::optional<store::ChangeRow>> interrupted() = 0;
  virtual Result<apply::Recovery> recover(const std::function<void()>& heartbeat) = 0;
  // Back to the layout before a recorded change (nullopt: the last one that was applied), planned
  // like any layout: what runs by now is not disturbed.
  virtual Result<Plan> plan_undo(std::optional<std::int64_t> change) = 0;
  // Back to the layout after the last changes that ended well (apply/last_good.h).
  virtual Result<Plan> plan_last_good() = 0;

  // Stable names of places (slot_view.h). Looking notes UUIDs that are new, where we may write.
  virtual Result<SlotView> set_slot(const SlotRequest& request) = 0;
  virtual Result<std::vector<SlotView>> slots() = 0;
  // Slots and live leases, for a checkpoint, and what a checkpoint has of them set again: a line
  // for each that was changed or left out.
  virtual Result<config::SavedNames> saved_names(const Inventory& now) = 0;
  virtual Result<std::vector<std::string>> restore_names(const config::SavedNames& saved) = 0;
  virtual Result<void> remove_slot(const std::string& name) = 0;
  // The instance that is meant now; kNotFound when there is no such name.
  virtual Result<SlotView> resolve_slot(const std::string& name) = 0;

  // Who stands in the way of what.
  virtual Result<holders::Report> holders() = 0;

  // Where the leases of this machine are kept (lease/lease.h), and the folder of its sockets.
  virtual std::string lease_store_path() const = 0;
  virtual Result<std::string> runtime_dir() const = 0;

  // Where the device nodes lie, and the driver's files in /proc.
  virtual launch::DeviceRoots device_roots() const = 0;

  // Where this user's jobs on this machine are recorded (launch/job_book.h).
  virtual std::string jobs_dir() const = 0;

  // Runs a job and returns when it has ended (launch/run.h).
  virtual Result<launch::RunResult> run(const launch::RunRequest& request) = 0;

 protected:
  Service() = default;
};

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_SERVICE_H_
