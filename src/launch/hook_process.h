// SPDX-License-Identifier: Apache-2.0
// Inside of launch/: a running hook, leader of a process group, and its guard: a process that kills
// the group when this process ends for any reason, SIGKILL included. The hook's first instruction
// waits for the guard, so that no race can leave it alone.
#ifndef MIGCTL_LAUNCH_HOOK_PROCESS_H_
#define MIGCTL_LAUNCH_HOOK_PROCESS_H_

#include <sys/types.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "mig/result.h"

#include "base/fd.h"

namespace mig::launch {

struct HookProcessRequest {
  std::vector<std::string> argv;  // argv[0] is looked up in $PATH
  std::vector<std::string> environment;
  std::string workdir;  // "" = inherited
  int output = -1;      // for stdout and stderr; stdin is /dev/null
  // Time between the guard's SIGTERM and SIGKILL.
  std::chrono::milliseconds grace{0};
};

// Must live until the hook has ended: the guard takes its destruction for the death of this
// process.
class HookProcess {
 public:
  // `not_started` receives errno when the program itself cannot be started, else 0.
  static Result<HookProcess> start(const HookProcessRequest& request, int& not_started);

  // Sends a signal to the group.
  void signal(int number) const;

  // Non-blocking check; the pid stays a zombie until reap().
  bool ended() const;

  // Blocks; returns the status of waitpid(2). The guard exits.
  int reap();

 private:
  HookProcess(pid_t child, pid_t guard, base::Fd lifeline)
      : child_(child), guard_(guard), lifeline_(std::move(lifeline)) {}

  pid_t child_;
  pid_t guard_;
  base::Fd lifeline_;
};

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_HOOK_PROCESS_H_
