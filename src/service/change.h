// SPDX-License-Identifier: Apache-2.0
// The one loop of every layout change: plan -> hooks -> blockers? -> apply -> retry, with dry run,
// mode only, --wait, --evict and --migrate. Command line, nvidia-mig-parted and daemon differ in
// their texts only, which a ChangeObserver provides.
//
//   service::ChangeOptions options;
//   options.command = "apply -f layouts.yaml";
//   MIG_ASSIGN_OR_RETURN(const service::Changed done,
//                        service::change(node, service::wish_mode({}, true), options, observer));
//
// Readings of the machine: the command's own for planning; one more after hooks, which may have
// changed the machine, and after each wait; one under the lock; one or more per step; one at the
// end.
//
// Threading: as the Node; the observer is called from the same thread.
#ifndef MIGCTL_SERVICE_CHANGE_H_
#define MIGCTL_SERVICE_CHANGE_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mig/hooks.h"
#include "mig/layout.h"
#include "mig/plan.h"
#include "mig/result.h"

#include "node/node.h"
#include "service/changed.h"
#include "service/clear_way.h"

namespace mig::service {

// The desired state; planned as often as the loop needs.
struct Wish {
  node::Cause cause = node::Cause::kApply;
  // `around` false: busy instances are blockers, not pinned.
  std::function<Result<Plan>(node::Node& node, bool around)> plan;
  // For a whole layout: --migrate moves work for it. Empty for single steps.
  using Layout = std::function<Result<DesiredLayout>(const Inventory&)>;
  Layout layout = {};
  bool saved_plan = false;  // never planned again for a retry
};

Wish wish_layout(Wish::Layout layout, node::Cause cause = node::Cause::kApply);
// A saved plan; blockers that have ended since are removed.
Wish wish_saved(Plan plan);
Wish wish_create(node::Node::CreateRequest request);
Wish wish_destroy(node::Node::DestroyRequest request);
Wish wish_mode(std::vector<GpuIndex> gpus, bool enable);
Wish wish_undo(std::optional<std::int64_t> change);
Wish wish_last_good();

struct ChangeOptions {
  bool dry_run = false;  // only show the plan
  bool allow_reset = true;
  bool mode_only = false;
  // A pending mode counts as success, so that a failure of apply-exit is reported then too
  // (mig-parted's --skip-reset).
  bool pending_will_do = false;
  std::string command;              // command line, for history
  std::string reason;               // the user's reason, for history
  std::optional<MadeFor> made_for;  // the request that instances are made for, for history

  std::chrono::milliseconds wait{0};               // how long to wait for blockers
  std::optional<std::chrono::milliseconds> evict;  // grace period between SIGTERM and SIGKILL
  std::string evict_hook;                          // program to run before each eviction

  std::optional<Hooks> hooks;  // nullopt: no hooks
  std::map<std::string, std::string> hook_variables;

  std::string migrate_hook;  // program that moves busy work (service/migrate.h); "" = none
  std::optional<std::chrono::milliseconds> drain;

  // Stop flag, set by a signal: the current step is completed, then everything is rolled back.
  const std::atomic<bool>* stop = nullptr;
};

// Callbacks for the texts of a change; all are optional.
class ChangeObserver {
 public:
  ChangeObserver() = default;
  virtual ~ChangeObserver() = default;
  ChangeObserver(const ChangeObserver&) = delete;
  ChangeObserver& operator=(const ChangeObserver&) = delete;
  ChangeObserver(ChangeObserver&&) = delete;
  ChangeObserver& operator=(ChangeObserver&&) = delete;

  // There are no blockers, or none will be cleared: the plan is about to be executed.
  virtual void planned(const Plan& /*plan*/) {}

  // A line of progress: process waited for, stopped or moved.
  virtual void note(const std::string& /*line*/) {}

  virtual void steps_begin(const std::vector<Step>& /*steps*/) {}

  virtual void step(const Step& /*step*/,
                    std::size_t /*index*/,
                    std::size_t /*of*/,
                    bool /*done*/) {}

  virtual void steps_end(bool /*success*/) {}

  // After each list of hooks: its name ("apply-start") and the hooks' output.
  virtual void hooks_ran(std::string_view /*list*/,
                         const std::string& /*output*/,
                         bool /*failed*/) {}

  // Outcome of the plan; apply-exit hooks have yet to run. Not called for the changes of a
  // migration around it.
  virtual void outcome(const Plan& /*plan*/, const node::ApplyResult& /*result*/) {}

  // Held while the driver changes the machine, with alive() as its heartbeat: a hanging driver call
  // cannot be cancelled, so a watchdog can only end the process.
  virtual std::shared_ptr<void> guard() { return nullptr; }

  virtual void alive() {}

  // During the value's lifetime, `work` is also executed when a guard ends the process.
  virtual std::shared_ptr<void> promise(const std::function<void()>& /*work*/) { return nullptr; }
};

// The part of a plan for ChangeOptions::mode_only: instances stay, except where MIG is disabled.
Plan mode_only_plan(Plan plan);

// An Error: nothing was changed (apply/apply.h), or a hook failed (kHook), or blockers remained
// (kTimeout), or a migration was rolled back. Otherwise `Changed` has the outcome, rolled back or
// stuck included.
Result<Changed> change(node::Node& node,
                       const Wish& wish,
                       const ChangeOptions& options,
                       ChangeObserver& observer);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_CHANGE_H_
