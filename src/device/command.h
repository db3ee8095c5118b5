// SPDX-License-Identifier: Apache-2.0
// Inside of device/: runs a program with fixed arguments and without a shell, and captures its
// output.
#ifndef MIGCTL_DEVICE_COMMAND_H_
#define MIGCTL_DEVICE_COMMAND_H_

#include <chrono>
#include <string>
#include <vector>

#include "mig/result.h"

namespace mig::device {

struct CommandResult {
  int exit_code = 0;   // exit status; 128 + n after death by signal n
  std::string output;  // stdout and stderr, the first 64 KiB
};

// Runs a command; argv[0] is looked up in $PATH. kNotFound when it is missing, kTimeout when it was
// killed after `limit`.
Result<CommandResult> run_command(const std::vector<std::string>& argv,
                                  std::chrono::milliseconds limit);

}  // namespace mig::device

#endif  // MIGCTL_DEVICE_COMMAND_H_
