// SPDX-License-Identifier: Apache-2.0
// The one loop by which a layout changes, for everybody: plan -> hooks -> way clear? -> apply ->
// again, with dry run, mode only, --wait, --evict and --migrate. The command line,
// nvidia-mig-parted and the daemon differ in their words only; those are a ChangeObserver's.
//
//   service::ChangeOptions options;
//   options.command = "apply -f layouts.yaml";
//   MIG_ASSIGN_OR_RETURN(const service::Changed done,
//                        service::change(node, service::wish_mode({}, true), options, observer));
//
// Readings of the machine: that of the command under way plans; one more where a hook ran, since it
// may have changed the machine, and after each wait; one under the lock; those of each step; one at
// the end.
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

// What is to be there. Planned anew as often as the loop needs it.
struct Wish {
  node::Cause cause = node::Cause::kApply;
  // `around` false: busy instances block, they do not pin.
  std::function<Result<Plan>(node::Node& node, bool around)> plan;
  // Of a whole layout: what --migrate moves work for. Empty for single steps.
  using Layout = std::function<Result<DesiredLayout>(const Inventory&)>;
  Layout layout = {};
  bool saved_plan = false;  // made once, not for each try
};

Wish wish_layout(Wish::Layout layout, node::Cause cause = node::Cause::kApply);
// A plan that was made and saved earlier; blockers who are gone by now are struck out.
Wish wish_saved(Plan plan);
Wish wish_create(node::Node::CreateRequest request);
Wish wish_destroy(node::Node::DestroyRequest request);
Wish wish_mode(std::vector<GpuIndex> gpus, bool enable);
Wish wish_undo(std::optional<std::int64_t> change);
Wish wish_last_good();

struct ChangeOptions {
  bool dry_run = false;  // plan only
  bool allow_reset = true;
  bool mode_only = false;
  // A mode that is set and waits for a reset is all that was asked for, so that apply-exit's
  // failure counts then too (mig-parted's --skip-reset).
  bool pending_will_do = false;
  std::string command;  // for history: what was typed
  std::string reason;   // and why

  std::chrono::milliseconds wait{0};               // for those who stand in the way
  std::optional<std::chrono::milliseconds> evict;  // grace period between SIGTERM and SIGKILL
  std::string evict_hook;                          // a program run first for each of them

  std::optional<Hooks> hooks;  // nullopt: none run
  std::map<std::string, std::string> hook_variables;

  std::string migrate_hook;  // moves busy work out of the way (service/migrate.h); "" = nobody does
  std::optional<std::chrono::milliseconds> drain;

  // Set by a signal: the step under way is finished, then everything is undone.
  const std::atomic<bool>* stop = nullptr;
};

// What the words of a change need. All of it may be left out.
class ChangeObserver {
 public:
  ChangeObserver() = default;
  virtual ~ChangeObserver() = default;
  ChangeObserver(const ChangeObserver&) = delete;
  ChangeObserver& operator=(const ChangeObserver&) = delete;
  ChangeObserver(ChangeObserver&&) = delete;
  ChangeObserver& operator=(ChangeObserver&&) = delete;

  // The way is clear, or nobody clears it: the plan is about to be carried out.
  virtual void planned(const Plan& /*plan*/) {}

  // A line of progress: who is waited for, stopped or moved.
  virtual void note(const std::string& /*line*/) {}

  virtual void steps_begin(const std::vector<Step>& /*steps*/) {}

  virtual void step(const Step& /*step*/,
                    std::size_t /*index*/,
                    std::size_t /*of*/,
                    bool /*done*/) {}

  virtual void steps_end(bool /*success*/) {}

  // After each list of hooks: its name ("apply-start") and what the hooks printed.
  virtual void hooks_ran(std::string_view /*list*/,
                         const std::string& /*output*/,
                         bool /*failed*/) {}

  // What came of the plan; apply-exit hooks have yet to run. Not for the changes of a migration
  // around it.
  virtual void outcome(const Plan& /*plan*/, const node::ApplyResult& /*result*/) {}

  // Held while the driver changes the machine, with alive() as its sign of life: a driver call that
  // hangs cannot be taken back, only the process can end.
  virtual std::shared_ptr<void> guard() { return nullptr; }

  virtual void alive() {}

  // While the value lives, `work` is done also when a guard ends the process.
  virtual std::shared_ptr<void> promise(std::function<void()> /*work*/) { return nullptr; }
};

// What is left of a plan with ChangeOptions::mode_only: instances stay as they are, except where
// MIG goes off.
Plan mode_only_plan(Plan plan);

// An Error: nothing was changed (apply/apply.h), or a hook failed (kHook), or nobody went in time
// (kTimeout), or a move was taken back. Else `Changed` tells how it ended, rolled back or stuck
// included.
Result<Changed> change(node::Node& node,
                       const Wish& wish,
                       const ChangeOptions& options,
                       ChangeObserver& observer);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_CHANGE_H_
