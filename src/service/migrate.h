// SPDX-License-Identifier: Apache-2.0
// Migration (--migrate): moves work off instances that a layout needs gone, without interruption.
// For each one a successor is created beside it and checked, the user's hook switches the work
// over, and the old instance is drained by a deadline. The idle instances are destroyed by the
// change that follows.
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
  std::string hook;  // program to run for each move
  std::chrono::milliseconds drain = std::chrono::seconds(60);
  std::function<void(const std::string&)> tell;  // progress callback, one line
  // Executes a plan as a separate change of the history; `to_the_end` ignores `stop`.
  std::function<Result<node::ApplyResult>(const Plan&, const std::string& reason, bool to_the_end)>
      apply;
  // Executes the layout change after the moves.
  std::function<Result<Changed>()> layout;
  // Stop flag: everything is rolled back, the moves too unless the layout has been applied. A
  // forward run of the hook is ended, a backward run is not.
  const std::atomic<bool>* stop = nullptr;
};

// The moves that move_work() would execute, one line each; empty = none needed.
Result<std::vector<std::string>> describe_moves(node::Node& node, const DesiredLayout& desired);

// Executes the necessary moves, then the layout change, whose result is returned. An Error of the
// moves: the layout is unchanged (kHook, kTimeout with the remaining processes, kNoCapacity,
// kInUse, kRolledBack when stopped), or kStuck with what remains.
Result<Changed> move_work(node::Node& node,
                          const DesiredLayout& desired,
                          const MigrateOptions& options,
                          base::Clock& clock);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_MIGRATE_H_
