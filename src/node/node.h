// SPDX-License-Identifier: Apache-2.0
// One machine, through one driver session (real or simulated): its Inventory, plans for it, changes
// of it with the same preflight and verification as apply, its history, slots and holders. Results
// are values; nothing is printed here. What uses it: service/ (use cases), cli/, daemon/.
//
// One reading of the machine is kept, with its age. How old it may be that answers is the caller's
// to say (node/age.h): once for all calls (answers_from), or for one. A Node that was told nothing
// reads anew each time. A change through this Node replaces what is kept by what was read back.
//
//   MIG_ASSIGN_OR_RETURN(auto node, node::Node::open({}));
//   MIG_ASSIGN_OR_RETURN(const Plan plan, node->plan(desired));
//   MIG_ASSIGN_OR_RETURN(const node::ApplyResult result, node->apply(plan, {}));
//
// Threading: one Node from one thread at a time. Errors: Result everywhere.
#ifndef MIGCTL_NODE_NODE_H_
#define MIGCTL_NODE_NODE_H_

#include <chrono>
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

#include "apply/after_change.h"
#include "apply/apply.h"
#include "apply/recover.h"
#include "config/checkpoint_names.h"
#include "device/cached_reader.h"
#include "device/facts.h"
#include "device/inventory_reader.h"
#include "holders/holders.h"
#include "node/age.h"
#include "node/slot_names.h"
#include "node/slot_view.h"
#include "nvml/session.h"
#include "planner/requests.h"
#include "planner/times.h"
#include "store/journal.h"
#include "store/places.h"

namespace mig::node {

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
using Cause = apply::Cause;
using AfterChange = apply::AfterChange;
using ApplyOptions = apply::ApplyOptions;

struct Versions {
  std::string driver, nvml;
};

class Node {
 public:
  static Result<std::unique_ptr<Node>> open(const DriverChoice& choice);

  // A machine of which another process has a reading that is as new as one of this process's own
  // would be (client/: the daemon). `read` is asked for every Inventory until it has none; from
  // then on, and for everything that changes the machine, the driver of `choice` is opened here.
  using ReadElsewhere = std::function<std::optional<Inventory>()>;
  static std::unique_ptr<Node> with_reader(store::MachineId machine,
                                           DriverChoice choice,
                                           ReadElsewhere read);

  ~Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  Node(Node&&) = delete;
  Node& operator=(Node&&) = delete;

  bool simulated() const { return places_.machine().simulated(); }

  // Whether the driver was opened: what it is, is known by then.
  bool has_driver() const { return session_ != nullptr; }

  // Of the simulated machine, else "".
  std::string machine_name() const;
  std::string machine_dir() const;

  // Called before the driver is read; the value that the watch returns is dropped after. For a
  // caller that does not want to wait for ever: a driver call that hangs cannot be taken back.
  using Watch = std::function<std::shared_ptr<void>()>;

  void watch(Watch watch) { watch_ = std::move(watch); }

  // Of the driver; no GPU is read for that.
  Result<Versions> versions();

  // The age that serves all calls which name none. Age::fresh() until told otherwise.
  void answers_from(Age age) { age_ = age; }

  Result<Inventory> inventory() { return inventory(age_); }

  Result<Inventory> inventory(Age age);
  // The same without a copy; what it points to never changes.
  using Snapshot = std::shared_ptr<const Inventory>;
  Result<Snapshot> snapshot(Age age);
  // Enough to show what is there: without the free capacity of profiles, and without the profiles
  // of GPUs with MIG off when `idle_profiles` is false. Read now, and not kept for other calls.
  Result<Inventory> inventory_to_show(bool idle_profiles);

  // What was read until now answers nothing any more.
  void forget() { kept_.reset(); }

  // Called after every change of this machine: through this Node, and by others as soon as a
  // reading shows it (apply/after_change.h has the contract). `name` is for warnings.
  void after_change(std::string name, apply::ChangeListeners::Listener listener) {
    listeners_.add(std::move(name), std::move(listener));
  }

  // What listeners could not do, where no ApplyResult told of it: drift, smi, recover.
  std::vector<std::string> take_warnings() { return listeners_.take_warnings(); }

  // Around what changes the machine past apply, on session(): nvidia-smi's dialect. Both cost a
  // reading where somebody listens, and nothing where nobody does.
  void before_outside_change();
  void after_outside_change(Cause cause);

  // Shared with what speaks NVML itself (smi); nullptr before the driver was opened.
  std::shared_ptr<nvml::Session> shared_session() const { return session_; }

  // A reading for a process that asks again and again (device/cached_reader.h), whose driver stays
  // open meanwhile: until rest().
  Result<Inventory> inventory_again();
  // For what NVML alone can do. Good until the next call that changes the machine, or rest().
  Result<nvml::Session*> session();

  // The driver's library is the one that a command gets which names none, or a simulated machine's.
  bool has_usual_library() const;

  // nvml::Session::leave_to_exit(), where the driver was opened.
  void leave_to_exit() {
    if (session_) {
      session_->leave_to_exit();
    }
  }

  // Called before steps that need the GPUs to be held by nobody: mode changes and resets. For
  // whoever can make another process of ours let go of them (the daemon with its open driver).
  void before_reset(std::function<void()> let_go) { let_go_ = std::move(let_go); }

  // Lets go of the GPUs until the driver is asked next: whoever is between nvmlInit and
  // nvmlShutdown keeps an Ampere GPU from changing its mode and every GPU from a reset. For callers
  // that wait: the daemon between requests, `run` while its command runs, --wait. Ends the reading
  // of the command under way (Age::of_command).
  void rest();

  // Busy instances - with processes on them, or with their nodes open - stay where they are. When
  // that is impossible, the plan is blocked: its blockers are the fewest that would have to go, and
  // a warning says why. `around` false: as few busy instances as possible are in the way at all.
  Result<Plan> plan(const DesiredLayout& desired, bool around = true);

  // Of a plan that was made earlier: blockers who are gone by now are struck out.
  Result<void> refresh_blockers(Plan& plan);
  // An Error means that nothing was changed (apply/apply.h): kConflict when the machine's layout is
  // not the one the plan was made for, or another writer is at work, named by its pid; kInUse when
  // the plan is blocked. From the first change on, the result tells.
  Result<ApplyResult> apply(const Plan& plan, const ApplyOptions& options);

  // Single steps, planned and applied like a layout.
  using CreateRequest = planner::CreateRequest;
  using DestroyRequest = planner::DestroyRequest;

  Result<Plan> plan_create(const CreateRequest& request);
  Result<Plan> plan_destroy(const DestroyRequest& request);
  // `gpus` empty = every GPU that can do MIG.
  Result<Plan> plan_mode(const std::vector<GpuIndex>& gpus, bool enable);

  // What happened to this machine, newest first; empty when nothing was ever changed by us.
  Result<std::vector<store::ChangeRow>> history(std::int64_t limit);

  // One of them, with its plan and what became of each step; kNotFound.
  Result<ChangeDetails> change(std::int64_t id);
  // A change that was cut short and waits for recover(); nullopt also while its process lives.
  Result<std::optional<store::ChangeRow>> interrupted();
  Result<apply::Recovery> recover(const std::function<void()>& heartbeat);
  // Back to the layout before a recorded change (nullopt: the last one that was applied), planned
  // like any layout: what runs by now is not disturbed.
  Result<Plan> plan_undo(std::optional<std::int64_t> change);
  // Back to the layout after the last changes that ended well (apply/last_good.h).
  Result<Plan> plan_last_good();

  // Stable names of places (slot_view.h). Looking notes UUIDs that are new, where we may write.
  Result<SlotView> set_slot(const SlotRequest& request);
  Result<std::vector<SlotView>> slots();
  // Slots and live leases, for a checkpoint, and what a checkpoint has of them set again: a line
  // for each that was changed or left out.
  Result<config::SavedNames> saved_names(const Inventory& now);
  Result<std::vector<std::string>> restore_names(const config::SavedNames& saved);
  Result<void> remove_slot(const std::string& name);
  // The instance that is meant now; kNotFound when there is no such name.
  Result<SlotView> resolve_slot(const std::string& name);

  // Who stands in the way of what.
  Result<holders::Report> holders() { return holders(age_); }

  Result<holders::Report> holders(Age age);

  // Where the leases of this machine are kept (lease/lease.h), and the folder of its sockets.
  std::string lease_store_path() const;
  Result<std::string> runtime_dir() const;

  // Where everything of this machine lies.
  const store::Places& places() const { return places_; }

  // Where holders are looked for: a simulated machine has nodes and files in /proc of its own.
  holders::Roots holder_roots() const;

  // Where this user's jobs on this machine are recorded (launch/job_book.h).
  std::string jobs_dir() const;

 private:
  explicit Node(std::unique_ptr<nvml::Session> session);
  Node(store::MachineId machine, DriverChoice choice, ReadElsewhere read);

  // The machine, and who uses what of it.
  struct Look {
    Inventory inventory;
    holders::Report report;
  };

  struct Kept {
    Snapshot inventory;
    std::chrono::nanoseconds read_at{0};
    bool of_command = true;  // false: the GPUs were let go of since
  };

  Result<void> wake();
  Result<Inventory> read(device::Depth depth, Cause cause);
  std::optional<Inventory> read_elsewhere();
  void keep(Inventory now);
  Result<Look> look();
  Result<Plan> planned(const Look& now, const DesiredLayout& desired, bool around);
  std::vector<planner::StepTime> step_times();
  Result<std::optional<store::Journal>> existing_journal();
  SlotNames slot_names() const;

  std::shared_ptr<nvml::Session> session_;  // nullptr: not opened, with a reader elsewhere
  store::Places places_;
  DriverChoice choice_;
  ReadElsewhere read_elsewhere_;
  std::function<void()> let_go_;
  device::FactsOfGpus facts_;
  device::CachedReader cached_;
  apply::ChangeListeners listeners_;
  std::optional<Kept> kept_;
  Age age_ = Age::fresh();
  Watch watch_;
  bool resting_ = false;
};

}  // namespace mig::node

#endif  // MIGCTL_NODE_NODE_H_
