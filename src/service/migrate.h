// SPDX-License-Identifier: Apache-2.0
// Moves work out of a layout's way without a break (--migrate): for each busy instance that must go
// a successor is made beside it and checked, the user's hook switches the work over, and the old
// one is drained by a deadline. What is idle then is destroyed by the change that follows.
//
// The hook is always told to move from MIGCTL_OLD_UUID to MIGCTL_NEW_UUID. When something fails
// after it was called, it is called once more with the two exchanged (MIGCTL_STEP=back), and the
// successors are destroyed again.
#ifndef MIGCTL_SERVICE_MIGRATE_H_
#define MIGCTL_SERVICE_MIGRATE_H_

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mig/layout.h"
#include "mig/plan.h"
#include "mig/result.h"

#include "base/clock.h"
#include "service/service.h"

namespace mig::service {

struct MigrateOptions {
  std::string hook;  // a program
  std::chrono::milliseconds drain = std::chrono::seconds(60);
  std::function<void(const std::string&)> tell;  // a line of progress
  // Carries one plan out, as a change of its own in the history.
  std::function<Result<ApplyResult>(const Plan&, const std::string& reason)> apply;
};

// What move_work() would move, one line each; empty = nothing has to.
Result<std::vector<std::string>> describe_moves(Service& service, const DesiredLayout& desired);

// True: something was moved, plan anew. False: nothing had to. An Error: the layout is as it was
// (kHook, kTimeout with who did not leave, kNoCapacity, kInUse), or kStuck saying what is left.
Result<bool> move_work(Service& service,
                       const DesiredLayout& desired,
                       const MigrateOptions& options,
                       base::Clock& clock);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_MIGRATE_H_
