// SPDX-License-Identifier: Apache-2.0
// Inside of cli/: daemonises a run in a new session, while the caller waits until the job runs or
// is queued, so that an early failure is reported on the user's terminal.
//
// Call before any driver or store is opened: they must not be shared across fork().
#ifndef MIGCTL_CLI_DETACH_H_
#define MIGCTL_CLI_DETACH_H_

#include <cstdint>
#include <optional>

#include "mig/result.h"

#include "base/fd.h"

namespace mig::cli {

// Message from the detached process to the caller.
struct DetachedJob {
  std::int64_t number = 0;
  bool simulated = false;
};

class Detached {
 public:
  // Forks. In the new process: an object. In the caller, once the job is on its way or the new
  // process has ended: the exit code, and the job in `job` if it is on its way.
  static Result<std::optional<Detached>> split(int& exit_code, std::optional<DetachedJob>& job);

  // Reports the job as on its way: the caller exits, and this process's standard streams go to
  // /dev/null.
  void go(const DetachedJob& job);

 private:
  explicit Detached(base::Fd told) : told_(std::move(told)) {}

  base::Fd told_;
};

}  // namespace mig::cli

#endif  // MIGCTL_CLI_DETACH_H_
