// SPDX-License-Identifier: Apache-2.0
// Inside of launch/: starts one process in its process group, cgroup and namespace.
#ifndef MIGCTL_LAUNCH_CHILD_H_
#define MIGCTL_LAUNCH_CHILD_H_

#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mig/result.h"

namespace mig::launch {

class Confinement;

struct ChildRequest {
  std::vector<std::string> argv;                                 // argv[0] is looked up in $PATH
  std::vector<std::pair<std::string, std::string>> environment;  // added to ours
  int inherit_fd = -1;                                           // stays open in the child
  int output_fd = -1;       // its stdout and stderr; -1: inherited
  bool null_input = false;  // its stdin is /dev/null
  bool own_group = false;   // leader of a new process group
  int cgroup_fd = -1;       // folder of the cgroup (v2) to start in
  const Confinement* confinement = nullptr;
  // Called with the new process before its exec, which waits for the result; on an error the
  // process ends without one.
  std::function<Result<void>(int pid)> announce = {};
};

// Exit codes of a command that did not start, by the convention of shells.
inline constexpr int kCommandNotFound = 127;
inline constexpr int kCommandNotExecutable = 126;

struct StartFailure {
  int exit_code = kCommandNotExecutable;
  Error error;
};

// The new process, or why the command did not start. `mask`: signal mask of the command. The caller
// must wait for it.
struct Started {
  int pid = 0;
  std::optional<StartFailure> failure;
};

Started start_child(const ChildRequest& request, const sigset_t& mask);

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_CHILD_H_
