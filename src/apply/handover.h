// SPDX-License-Identifier: Apache-2.0
// What hands instances over to others by a description that they read at a time of their own: CDI
// files. A change takes back first what it makes untrue, and hands over anew at its end, inside the
// bracket of the journal: begin, withdraw, driver calls (and their undo), renew, finish. A crash at
// any point leaves either a change that recover() finds, or a description that is true.
#ifndef MIGCTL_APPLY_HANDOVER_H_
#define MIGCTL_APPLY_HANDOVER_H_

#include "mig/inventory.h"
#include "mig/plan.h"
#include "mig/result.h"

namespace mig::apply {

class Handover {
 public:
  virtual ~Handover() = default;
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;

  // Before the first driver call, under the writer lock. An error stops the change: nothing was
  // done. `recovery`: the change was begun by a process that is gone, so any step of the plan may
  // have been made, and may be undone.
  virtual Result<void> withdraw(const Plan& plan, const Inventory& before, bool recovery) = 0;

  // At the end of a change, applied or taken back. nullptr: the machine cannot be read, and what
  // was withdrawn stays so. An error is a warning: what was withdrawn may stay so.
  virtual Result<void> renew(const Inventory* now) = 0;

 protected:
  Handover() = default;
};

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_HANDOVER_H_
