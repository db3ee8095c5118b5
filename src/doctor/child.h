// SPDX-License-Identifier: Apache-2.0
// Inside of doctor/: the process in which checks run, and the messages that come from it.
#ifndef MIGCTL_DOCTOR_CHILD_H_
#define MIGCTL_DOCTOR_CHILD_H_

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "mig/result.h"

#include "base/fd.h"
#include "doctor/check.h"
#include "doctor/message.h"

namespace mig::doctor {

struct Child {
  pid_t pid = -1;
  base::Fd pipe;
  std::string received;
};

// Starts a process that makes these checks in order and tells the result of each.
Result<Child> start_child(const Settings& settings,
                          const std::vector<const Check*>& checks,
                          bool driver_hangs);

enum class Came { kMessage, kNothing, kEnd };

// Waits for the child's next message until `deadline`. kEnd: it has ended, or tells nonsense.
Came receive(Child& child, std::chrono::steady_clock::time_point deadline, Message& message);

// State of a process: "D (disk sleep)", and the kernel function that it waits in, where readable.
std::vector<std::string> state_of(pid_t pid);

// Ends the child; its exit status goes to `status`. False when it cannot be ended now: it is in an
// uninterruptible call of a kernel module, and ends when the call does.
bool end_child(const Child& child, int& status);

}  // namespace mig::doctor

#endif  // MIGCTL_DOCTOR_CHILD_H_
