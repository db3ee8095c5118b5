// SPDX-License-Identifier: Apache-2.0
// Inside of launch/: starts a command, passes signals to it, and waits for its end.
#ifndef MIGCTL_LAUNCH_CHILD_H_
#define MIGCTL_LAUNCH_CHILD_H_

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mig/result.h"

namespace mig::launch {

struct ChildRequest {
  std::vector<std::string> argv;
  std::vector<std::pair<std::string, std::string>> environment;  // over ours
  int inherit_fd = -1;                                           // stays open in the child
  std::function<void(int pid)> on_started;
};

struct ChildEnd {
  int exit_code = 0;  // 128 + n when signal n ended it
  std::optional<int> signal;
  std::optional<Error> start_failure;  // exit_code is 127 (not there) or 126 (not executable)
};

// Signals that end or poke a program (INT TERM HUP QUIT USR1 USR2) are blocked here meanwhile and
// passed on, except those that the terminal has given to the child already.
ChildEnd run_child(const ChildRequest& request);

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_CHILD_H_
