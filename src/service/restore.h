// SPDX-License-Identifier: Apache-2.0
// Restores a recorded layout: of a checkpoint file, or the last good one in the journal (at boot).
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

// Restores slots and leases once a checkpoint's layout is there (not with `mode_only`). A line for
// each that was changed or left out, and for each instance whose UUID changed.
Result<std::vector<std::string>> restore_names(node::Node& node,
                                               const Checkpoint& checkpoint,
                                               bool mode_only);

struct Restored {
  std::string nothing;             // why nothing was restored; "" = something was
  std::optional<Changed> changed;  // nullopt: nothing to restore
  // A GPU that could not be opened: the others are restored, but the result is a failure.
  std::optional<Error> lost;
};

// First recovers a change left open by a crash or power cut (not in a dry run), with a note to the
// observer. Idempotent, and succeeds without any record: runs at every boot. Errors: those of
// change(); kStuck when that recovery is stuck.
Result<Restored> restore_last_good(node::Node& node,
                                   ChangeOptions options,
                                   ChangeObserver& observer);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_RESTORE_H_
