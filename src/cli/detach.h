// SPDX-License-Identifier: Apache-2.0
// Inside of cli/: goes on in a process of its own session, and lets the caller wait until the job
// runs, so that what keeps it from starting is told to whoever typed the command.
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
  // In the new process: an object. In the caller, when the new process runs the job or has ended:
  // what the caller exits with, and the job in `job` when it runs.
  static Result<std::optional<Detached>> split(int& exit_code, std::optional<DetachedJob>& job);

  // The job runs: the caller goes, and our standard streams lead nowhere from now on.
  void running(const DetachedJob& job);

 private:
  explicit Detached(base::Fd told) : told_(std::move(told)) {}

  base::Fd told_;
};

}  // namespace mig::cli

#endif  // MIGCTL_CLI_DETACH_H_
