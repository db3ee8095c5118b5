// SPDX-License-Identifier: Apache-2.0
// One machine, through one driver session (real or simulated): its Inventory, plans, changes with
// the same preflight and verification as apply, history, slots and holders. Results are values;
// library code prints nothing. Used by service/ (use cases), cli/, daemon/.
//
// One reading of the machine is cached, with its age. The caller sets its maximum age (node/age.h):
// once for all calls (answers_from), or per call. By default every call reads anew. A change
// through this Node replaces the cached reading by its read-back.
//
//   MIG_ASSIGN_OR_RETURN(auto node, node::Node::open({}));
//   MIG_ASSIGN_OR_RETURN(const Plan plan, node->plan(desired));
//   MIG_ASSIGN_OR_RETURN(const node::ApplyResult result, node->apply(plan, {}));
//
// Threading: not thread-safe. Errors: Result everywhere.
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
#include "model/past_layout.h"
#include "node/age.h"
#include "node/cdi_handover.h"
#include "node/slot_names.h"
#include "node/slot_view.h"
#include "nvml/session.h"
#include "planner/requests.h"
#include "planner/times.h"
#include "store/journal.h"
#include "store/places.h"

namespace mig::node {

// Choice of the driver: the named library; else the named simulated machine; else the real driver
// if it loads and initialises; else the only simulated machine; else kNoDriver with the command
// that creates one.
struct DriverChoice {
  std::string nvml_library;     // --nvml-library PATH
  std::string simulated;        // --sim NAME
  std::string sim_library_dir;  // folder of the simulator's libnvidia-ml.so.1
  // A simulated machine only if named (--sim, $MIGSIM_MACHINE, `sim shell`), never as a fallback:
  // for unattended services that would present it as the real node.
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

  // A machine that is read through another process with an equally fresh reading (client/: the
  // daemon). `read` is called for every Inventory until it returns nullopt; from then on, and for
  // every change, this process opens the driver of `choice`.
  using ReadElsewhere = std::function<std::optional<Inventory>()>;
  static std::unique_ptr<Node> with_reader(store::MachineId machine,
                                           DriverChoice choice,
                                           ReadElsewhere read);

  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  Node(Node&&) = delete;
  Node& operator=(Node&&) = delete;

  bool simulated() const { return places_.machine().simulated(); }

  // True when the driver has been opened, so that its kind is known.
  bool has_driver() const { return session_ != nullptr; }

  // Name of the simulated machine, else "".
  std::string machine_name() const;
  std::string machine_dir() const;

  // Called before a driver call; its result is dropped after the call. For a watchdog: a hanging
  // driver call cannot be cancelled.
  using Watch = std::function<std::shared_ptr<void>()>;

  void watch(Watch watch) { watch_ = std::move(watch); }

  // Versions of the driver; no GPU is read.
  Result<Versions> versions();

  // Default maximum age of calls without one. Initially Age::fresh().
  void answers_from(Age age) { age_ = age; }

  Result<Inventory> inventory() { return inventory(age_); }

  Result<Inventory> inventory(Age age);
  // The same without a copy; the snapshot is immutable.
  using Snapshot = std::shared_ptr<const Inventory>;
  Result<Snapshot> snapshot(Age age);
  // Enough for display: without the remaining capacity of profiles, and without the profiles of
  // GPUs with MIG off when `idle_profiles` is false. Read anew, and not cached.
  Result<Inventory> inventory_to_show(bool idle_profiles);

  // Drops the cached reading.
  void forget() { kept_.reset(); }

  // Called after every change of this machine: at once for changes through this Node, and for other
  // programs' changes when a reading shows them (contract: apply/after_change.h). `name` is used in
  // warnings.
  void after_change(std::string name, apply::ChangeListeners::Listener listener) {
    listeners_.add(std::move(name), std::move(listener));
  }

  // Errors of listeners and of the CDI file that no ApplyResult reports: after drift, smi, recover.
  std::vector<std::string> take_warnings();

  // Bracket around changes that bypass apply, made on session(): nvidia-smi's dialect. Each costs a
  // reading if there are listeners, else nothing.
  // An error (the CDI file cannot be written): the change must not be made.
  Result<void> before_outside_change();
  void after_outside_change(Cause cause);

  // The CDI file that changes keep in step; the driver is open afterwards.
  Result<CdiHandover*> cdi();
  // Writes the file anew, if one is kept, from a reading that is made under its lock.
  Result<void> renew_cdi();

  // Shared with direct users of NVML (smi); nullptr before the driver was opened.
  std::shared_ptr<nvml::Session> shared_session() const { return session_; }

  // For repeated readings (device/cached_reader.h); the driver stays open until rest().
  Result<Inventory> inventory_again();
  // For direct NVML calls. Valid until the next call that changes the machine, or rest().
  Result<nvml::Session*> session();

  // True when the driver's library is the default one, or a simulated machine's.
  bool has_usual_library() const;

  // Calls nvml::Session::leave_to_exit() if the driver is open.
  void leave_to_exit() {
    if (session_) {
      session_->leave_to_exit();
    }
  }

  // Callback before steps that need the GPUs idle (mode changes and resets), for closing them in
  // another process of ours (the daemon with its open driver).
  void before_reset(std::function<void()> let_go) { let_go_ = std::move(let_go); }

  // Closes the GPUs until the next driver call: an open session (between nvmlInit and nvmlShutdown)
  // blocks a mode change of an Ampere GPU and the reset of any GPU. For callers that wait: the
  // daemon between requests, `run` while its command runs, --wait. Also ends the validity of the
  // command's reading (Age::of_command).
  void rest();

  // Busy instances (with processes on them, or with open nodes) are pinned. If that is impossible,
  // the plan is blocked: its blockers are the fewest that would have to go, and a warning gives the
  // reason. `around` false: busy instances are not pinned, but as few as possible are disturbed.
  Result<Plan> plan(const DesiredLayout& desired, bool around = true);

  // Removes blockers that have ended since the plan was made.
  Result<void> refresh_blockers(Plan& plan);
  // An Error means that nothing was changed (apply/apply.h): kConflict when the machine's layout is
  // not the plan's, or another writer is active, named by pid; kInUse when the plan is blocked.
  // From the first change on the outcome is in the result.
  Result<ApplyResult> apply(const Plan& plan, const ApplyOptions& options);

  // Single steps, planned and applied like a layout.
  using CreateRequest = planner::CreateRequest;
  using DestroyRequest = planner::DestroyRequest;

  Result<Plan> plan_create(const CreateRequest& request);
  Result<Plan> plan_destroy(const DestroyRequest& request);
  // `gpus` empty = every GPU that supports MIG.
  Result<Plan> plan_mode(const std::vector<GpuIndex>& gpus, bool enable);

  // Recorded changes of this machine, newest first; empty when migctl never changed it.
  Result<std::vector<store::ChangeRow>> history(std::int64_t limit);

  // What the journal knows of the instances before and after each change, newest first; a layout
  // that it cannot read is left out.
  Result<std::vector<PastChange>> past_changes(std::int64_t limit);

  // Changes with a greater id, oldest first.
  Result<std::vector<store::ChangeRow>> history_after(std::int64_t change, std::int64_t limit);
  // Names the lease that a change's instances were made for.
  Result<void> credit(std::int64_t change, std::int64_t lease);

  // The GPU instance that the journal says was made for that key in this boot, and that no later
  // change took over. Whether it is there is for a reading to say: its id, if known, and placement.
  // The id is unknown (nullopt) where the process died between the driver's call and its record.
  struct MadeForKey {
    MadeInstance made;
    bool id_known = true;
  };

  Result<std::optional<MadeForKey>> made_for_key(const std::string& key);

  // A change with its plan and the result of each step; kNotFound.
  Result<ChangeDetails> change(std::int64_t id);
  // An interrupted change that waits for recover(); nullopt also while its process lives.
  Result<std::optional<store::ChangeRow>> interrupted();
  Result<apply::Recovery> recover(const std::function<void()>& heartbeat);
  // Plans the layout before a recorded change (nullopt: the last applied one), like any layout:
  // busy instances are not disturbed.
  Result<Plan> plan_undo(std::optional<std::int64_t> change);
  // Plans the layout after the last successful changes (apply/last_good.h).
  Result<Plan> plan_last_good();

  // Slots, stable names of placements (slot_view.h). Reading records new UUIDs, if the store is
  // writable.
  Result<SlotView> set_slot(const SlotRequest& request);
  Result<std::vector<SlotView>> slots();
  // Slots and live leases for a checkpoint, and their restoration: a line for each that was changed
  // or left out.
  Result<config::SavedNames> saved_names(const Inventory& now);
  Result<std::vector<std::string>> restore_names(const config::SavedNames& saved);
  Result<void> remove_slot(const std::string& name);
  // The current instance of a slot; kNotFound when there is no such slot.
  Result<SlotView> resolve_slot(const std::string& name);

  // All holders, with the operations that each one blocks.
  Result<holders::Report> holders() { return holders(age_); }

  Result<holders::Report> holders(Age age);
  // The search of /proc for holders begins now, beside the reading of the GPUs; the next holders()
  // or plan() uses it. For commands that only look.
  void search_holders_ahead();

  // All paths of this machine.
  const store::Places& places() const { return places_; }

  // Roots of the search for holders: a simulated machine has its own nodes and files in /proc.
  holders::Roots holder_roots() const;

 private:
  explicit Node(std::unique_ptr<nvml::Session> session);
  Node(store::MachineId machine, DriverChoice choice, ReadElsewhere read);

  // An inventory, and the holders of its instances.
  struct Look {
    Inventory inventory;
    holders::Report report;
  };

  struct Kept {
    Snapshot inventory;
    std::chrono::nanoseconds read_at{0};
    bool of_command = true;  // false: the GPUs were closed since
  };

  Result<void> wake();
  Result<Inventory> read(device::Depth depth, Cause cause);
  std::optional<Inventory> read_elsewhere();
  void keep(Inventory now);
  Result<Look> look();
  Result<holders::Report> find_holders(const Inventory& now);
  Result<Plan> planned(const Look& now, const DesiredLayout& desired, bool around);
  std::vector<planner::StepTime> step_times();
  Result<std::optional<store::Journal>> existing_journal();
  SlotNames slot_names() const;
  void tell_cdi(const Inventory& now);
  void warn(Result<void> done);
  std::unique_ptr<CdiHandover> make_handover();

  std::shared_ptr<nvml::Session> session_;  // nullptr: not opened; readings come from elsewhere
  store::Places places_;
  DriverChoice choice_;
  ReadElsewhere read_elsewhere_;
  std::function<void()> let_go_;
  device::FactsOfGpus facts_;
  device::CachedReader cached_;
  apply::ChangeListeners listeners_;
  std::unique_ptr<CdiHandover> handover_;
  std::vector<std::string> warnings_;
  std::unique_ptr<holders::SearchAhead> ahead_;
  std::optional<Kept> kept_;
  Age age_ = Age::fresh();
  Watch watch_;
  bool resting_ = false;
};

}  // namespace mig::node

#endif  // MIGCTL_NODE_NODE_H_
