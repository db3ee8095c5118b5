// SPDX-License-Identifier: Apache-2.0
// Crash recovery: completes the record of a change that was done, or rolls back what was done of
// it, with the same code that rolls back a failed change. A change of a live process is not a
// crash: the writer lock tells.
#ifndef MIGCTL_APPLY_RECOVER_H_
#define MIGCTL_APPLY_RECOVER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "mig/result.h"

#include "apply/apply.h"
#include "store/journal.h"

namespace mig::apply {

struct Recovery {
  bool was_open = false;  // false: no change was open
  std::int64_t change = 0;
  std::string command;  // command of the interrupted change
  // kApplied: the change was complete and only its end not recorded. kRolledBack: the layout before
  // it is restored. kStuck: see result.failure.
  ApplyResult result;
  // A reboot or reset had removed instances of the earlier layout, which were recreated.
  bool rebuilt = false;
};

// Idempotent. The journal goes on with its open change by
// itself; `context.recorder` hears of the recovery after it: its before is the machine as it was
// found. kConflict while another process changes the machine.
Result<Recovery> recover(const Context& context, store::Journal& journal);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_RECOVER_H_
