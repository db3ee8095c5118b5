// SPDX-License-Identifier: Apache-2.0
// Back to a recorded layout: of a checkpoint file, or the last good one that the journal knows
// (what the boot needs).
#ifndef MIGCTL_SERVICE_RESTORE_H_
#define MIGCTL_SERVICE_RESTORE_H_

#include <optional>
#include <string>
#include <vector>

#include "mig/result.h"

#include "node/node.h"
#include "service/change.h"
#include "service/layouts.h"

namespace mig::service {

Wish wish_checkpoint(const Checkpoint& checkpoint);

// After a checkpoint's layout is there: its slots and leases too (not with `mode_only`). A line for
// each that was changed or left out, and for each instance that is called otherwise now.
Result<std::vector<std::string>> restore_names(node::Node& node,
                                               const Checkpoint& checkpoint,
                                               bool mode_only);

struct Restored {
  std::string nothing;             // why there was nothing to restore; "" = there was something
  std::optional<Changed> changed;  // nullopt: nothing to restore
  // A GPU that could not be opened: the others have their layouts, and all the same that is no
  // success.
  std::optional<Error> lost;
};

// A change that a crash or power cut left open is finished or taken back first (not in a dry run),
// which the observer is told in a note. Idempotent, and no failure where nothing was ever recorded:
// it runs at every boot. Errors: those of change(); kStuck when that first change is stuck.
Result<Restored> restore_last_good(node::Node& node,
                                   ChangeOptions options,
                                   ChangeObserver& observer);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_RESTORE_H_
