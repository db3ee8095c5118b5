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

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mig/layout.h"
#include "mig/plan.h"
#include "mig/result.h"

#include "base/clock.h"
#include "node/node.h"
#include "service/changed.h"

namespace mig::service {

struct MigrateOptions {
  std::string hook;  // a program
  std::chrono::milliseconds drain = std::chrono::seconds(60);
  std::function<void(const std::string&)> tell;  // a line of progress
  // Carries one plan out, as a change of its own in the history; `to_the_end` whatever `stop` says.
  std::function<Result<node::ApplyResult>(const Plan&, const std::string& reason, bool to_the_end)>
      apply;
  // The layout itself, when the way is free.
  std::function<Result<Changed>()> layout;
  // Set: everything is taken back, the move too if the layout has not been applied by then. The
  // hook's run for the way there is ended, that for the way back is not.
  const std::atomic<bool>* stop = nullptr;
};

// What move_work() would move, one line each; empty = nothing has to.
Result<std::vector<std::string>> describe_moves(node::Node& node, const DesiredLayout& desired);

// Moves what has to move, then has the layout applied: what that answers. An Error of the move: the
// layout is as it was (kHook, kTimeout with who did not leave, kNoCapacity, kInUse, kRolledBack
// when stopped), or kStuck saying what is left.
Result<Changed> move_work(node::Node& node,
                          const DesiredLayout& desired,
                          const MigrateOptions& options,
                          base::Clock& clock);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_MIGRATE_H_
