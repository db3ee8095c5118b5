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

using mig::Recovery;

// Idempotent. The journal continues its open change by itself; `context.recorder` receives the
// recovery afterwards, with the machine as found as its state before. kConflict while another
// process changes the machine.
Result<Recovery> recover(const Context& context, store::Journal& journal);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_RECOVER_H_
