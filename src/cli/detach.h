// SPDX-License-Identifier: Apache-2.0
// Inside of cli/: goes on in a process of its own session, and lets the caller wait until the job
// runs or stands in the queue, so that what keeps it from either is told to whoever typed it.
//
// Before any driver or store is opened: those must not be shared with a fork.
#ifndef MIGCTL_CLI_DETACH_H_
#define MIGCTL_CLI_DETACH_H_

#include <cstdint>
#include <optional>

#include "mig/result.h"

#include "base/fd.h"

namespace mig::cli {

// What the caller is told of it.
struct DetachedJob {
  std::int64_t number = 0;
  bool simulated = false;
};

class Detached {
 public:
  // In the new process: an object. In the caller, when the job is on its way or the new process has
  // ended: what the caller exits with, and the job in `job` when it is on its way.
  static Result<std::optional<Detached>> split(int& exit_code, std::optional<DetachedJob>& job);

  // The job is on its way: the caller goes, and our standard streams lead nowhere from now on.
  void go(const DetachedJob& job);

 private:
  explicit Detached(base::Fd told) : told_(std::move(told)) {}

  base::Fd told_;
};

}  // namespace mig::cli

#endif  // MIGCTL_CLI_DETACH_H_
