// SPDX-License-Identifier: Apache-2.0
// After a crash: finishes the record of a change that was done, or takes back what was done of it,
// with the same code that rolls back a failed change. A change of a live process is not a crash:
// the writer lock tells.
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
  bool was_open = false;  // false: there was nothing to recover
  std::int64_t change = 0;
  std::string command;  // of the change that had not ended
  // kApplied: it had been done and only its end was not recorded. kRolledBack: the layout before it
  // is back. kStuck: see result.failure.
  ApplyResult result;
  // Instances of the layout before were lost to a reboot or reset, and were made again.
  bool rebuilt = false;
};

// `context.recorder` is ignored. kConflict while another process changes the machine.
Result<Recovery> recover(const Context& context, store::Journal& journal);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_RECOVER_H_
