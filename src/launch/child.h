// SPDX-License-Identifier: Apache-2.0
// Inside of launch/: starts one process, in the group, cgroup and namespace that it is to live in.
#ifndef MIGCTL_LAUNCH_CHILD_H_
#define MIGCTL_LAUNCH_CHILD_H_

#include <csignal>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mig/result.h"

namespace mig::launch {

class Confinement;

struct ChildRequest {
  std::vector<std::string> argv;                                 // argv[0] is looked up in $PATH
  std::vector<std::pair<std::string, std::string>> environment;  // over ours
  int inherit_fd = -1;                                           // stays open in the child
  int output_fd = -1;                                            // its stdout and stderr; -1: ours
  bool null_input = false;                                       // its stdin is /dev/null, not ours
  bool own_group = false;  // leader of a process group of its own
  int cgroup_fd = -1;      // folder of the cgroup (v2) that it is born in
  const Confinement* confinement = nullptr;
};

// Exit codes of a command that did not start, as shells give them.
inline constexpr int kCommandNotFound = 127;
inline constexpr int kCommandNotExecutable = 126;

struct StartFailure {
  int exit_code = kCommandNotExecutable;
  Error error;
};

// The process, or why the command did not start. `mask`: of its signals. The caller waits for it.
struct Started {
  int pid = 0;
  std::optional<StartFailure> failure;
};

Started start_child(const ChildRequest& request, const sigset_t& mask);

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_CHILD_H_
