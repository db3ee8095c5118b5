// SPDX-License-Identifier: Apache-2.0
// migctl as a function, so that tests run what main runs.
#ifndef MIGCTL_CLI_CLI_H_
#define MIGCTL_CLI_CLI_H_

#include <string>
#include <vector>

#include "cli/output.h"

namespace mig::cli {

// `argv` with the program's name. Called as `nvidia-smi` it is `migctl smi`, as
// `nvidia-mig-parted` it is that tool's command line. Returns the exit code. `process_ends`: the
// process exits next, so nothing is closed that the end of a process closes.
int run_cli(const std::vector<std::string>& argv, Output& output, bool process_ends = false);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_CLI_H_
