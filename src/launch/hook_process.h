// SPDX-License-Identifier: Apache-2.0
// Inside of launch/: one running hook, the head of a process group, and beside it a guard: a
// process that ends the group when we are gone, SIGKILL included. The hook's first instruction
// waits for the guard, so that at no moment it could be left alone.
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
  std::vector<std::string> argv;  // the first is looked for in $PATH
  std::vector<std::string> environment;
  std::string workdir;  // "" = ours
  int output = -1;      // for both outputs; standard input is /dev/null
  // From SIGTERM to SIGKILL when the guard ends it.
  std::chrono::milliseconds grace{0};
};

// Not to be dropped before the hook has ended: that is what the guard takes for our end.
class HookProcess {
 public:
  // `not_started` gets errno's value when the program itself cannot be started, else 0.
  static Result<HookProcess> start(const HookProcessRequest& request, int& not_started);

  // Of the group.
  void signal(int number) const;

  // Looks, does not wait; the number stays taken until reap().
  bool ended() const;

  // Waits; the status of waitpid(2). The guard goes.
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
