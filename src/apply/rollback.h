// SPDX-License-Identifier: Apache-2.0
// Inside of apply/: rollback. Undoes executed steps in reverse order, recreates instances of the
// earlier layout lost otherwise, and verifies that the machine is as before. Changes of other
// programs are left alone.
#ifndef MIGCTL_APPLY_ROLLBACK_H_
#define MIGCTL_APPLY_ROLLBACK_H_

#include "mig/inventory.h"
#include "mig/plan.h"

#include "apply/apply.h"
#include "apply/executor.h"

namespace mig::apply {

// Undoes the executed steps in reverse order: marks them in `result.steps`, sets outcome
// (kRolledBack or kStuck), `after`, `rebuilt` and `others`, and adds to `result.failure` what
// remains and the command to continue. A step that cannot be undone does not prevent the undo of
// others. `after_crash`: a reboot since the steps may have lost the mode too.
void roll_back(const Context& context,
               const Plan& plan,
               const Inventory& before,
               Executor& executor,
               ApplyResult& result,
               bool after_crash = false);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_ROLLBACK_H_
