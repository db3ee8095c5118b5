// SPDX-License-Identifier: Apache-2.0
// After-change events: what the machine was before a change, what it is after it, and who changed
// it. For what is derived from a layout (caches, CDI files, event streams).
//
//   ChangeListeners listeners;
//   listeners.add("cdi", [](const AfterChange& change) { return write_cdi(change.after); });
//
// Contract: an event is fired when what was read after differs from what was read before - modes,
// instances, their ids, places or UUIDs, GPUs lost or found - and then exactly once. So a change
// that had nothing to do fires nothing, nor does one that was rolled back to the same ids and
// UUIDs; a rollback that had to make an instance again fires, since its UUID may be new. Where the
// machine cannot be read at the end of a change, the next reading fires the event, as kDrift.
// A listener that fails never fails the change: its error becomes a warning.
//
// Threading: as the session. Listeners are called under the writer lock for a change of ours; they
// must neither change the machine nor read it through the same Node.
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
  kSlotCreate,   // a slot's instance, with --create
  kMigrate,      // successors of busy instances, and taking them back
  kSmi,          // nvidia-smi's dialect, past apply
  kDrift,        // another program; noticed by a reading
};

std::string_view name_of(Cause cause);

struct AfterChange {
  Inventory before;
  Inventory after;
  Cause cause = Cause::kApply;
};

// Whether a listener would hear of the difference; see the contract above.
bool differs(const Inventory& before, const Inventory& after);

class ChangeListeners {
 public:
  using Listener = std::function<Result<void>(const AfterChange&)>;

  // `name` is for warnings: "cdi".
  void add(std::string name, Listener listener);

  bool empty() const { return listeners_.empty(); }

  // A reading of the whole machine. What differs from the reading before fires `cause`.
  void read(const Inventory& now, Cause cause = Cause::kDrift);

  // What listeners could not do since the last call, a line each.
  std::vector<std::string> take_warnings() { return std::exchange(warnings_, {}); }

 private:
  std::vector<std::pair<std::string, Listener>> listeners_;
  std::optional<Inventory> known_;  // the last reading; only kept while somebody listens
  std::vector<std::string> warnings_;
};

// The listeners as a recorder of one change.
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
