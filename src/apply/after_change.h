// SPDX-License-Identifier: Apache-2.0
// After-change events: the machine before and after a change, and the cause. For consumers that
// derive data from the layout (caches, CDI files, event streams).
//
//   ChangeListeners listeners;
//   listeners.add("cdi", [](const AfterChange& change) { return write_cdi(change.after); });
//
// Contract: an event is fired exactly once when the reading after a change differs from the one
// before it: modes, instances, their ids, placements or UUIDs, GPUs lost or found. A change without
// steps fires nothing, nor does one that was rolled back to the same ids and UUIDs; a rollback that
// recreated an instance fires, since its UUID may be new. Where the machine cannot be read at the
// end of a change, the next reading fires the event, as kDrift. A listener that fails never fails
// the change: its error becomes a warning.
//
// Threading: as the session. For a change by migctl, listeners are called under the writer lock;
// they must neither change the machine nor read it through the same Node.
#ifndef MIGCTL_APPLY_AFTER_CHANGE_H_
#define MIGCTL_APPLY_AFTER_CHANGE_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "apply/recorder.h"

namespace mig::apply {

enum class Cause {
  kApply,
  kCreate,
  kDestroy,
  kMode,
  kUndo,
  kRecover,
  kRestore,
  kLeaseCreate,  // lease --create, run --create
  kSlotCreate,   // the instance of a slot, with --create
  kReclaim,      // the end of an idle instance that was made for a lease
  kMigrate,      // creation of successors of busy instances, and its rollback
  kSmi,          // nvidia-smi's dialect, which bypasses apply
  kDrift,        // change by another program, detected by a reading
};

std::string_view name_of(Cause cause);

struct AfterChange {
  Inventory before;
  Inventory after;
  Cause cause = Cause::kApply;
};

// True when the difference fires an event; see the contract above.
bool differs(const Inventory& before, const Inventory& after);

class ChangeListeners {
 public:
  using Listener = std::function<Result<void>(const AfterChange&)>;

  // `name` is used in warnings: "cdi".
  void add(std::string name, Listener listener);

  bool empty() const { return listeners_.empty(); }

  // Reports a reading of the whole machine. A difference to the previous one fires `cause`.
  void read(const Inventory& now, Cause cause = Cause::kDrift);

  // Errors of listeners since the last call, one line each.
  std::vector<std::string> take_warnings() { return std::exchange(warnings_, {}); }

 private:
  std::vector<std::pair<std::string, Listener>> listeners_;
  std::optional<Inventory> known_;  // the last reading; kept only with listeners
  std::vector<std::string> warnings_;
};

// Adapter: the listeners as a recorder of one change.
class AfterChangeRecorder final : public Recorder {
 public:
  AfterChangeRecorder(ChangeListeners& listeners, Cause cause)
      : listeners_(listeners), cause_(cause) {}

  Result<void> begin(const Plan& plan, const Inventory& before) override;
  Result<void> before_call(const Call& call) override;
  Result<void> after_call(const Call& call, const Error* error) override;
  Result<void> finish(const ApplyResult& result) override;

 private:
  ChangeListeners& listeners_;
  Cause cause_;
};

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_AFTER_CHANGE_H_
