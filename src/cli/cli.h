// SPDX-License-Identifier: Apache-2.0
// migctl as a function, so that tests run the same code as main().
#ifndef MIGCTL_CLI_CLI_H_
#define MIGCTL_CLI_CLI_H_

#include <string>
#include <vector>

#include "cli/output.h"

namespace mig::cli {

// `argv` with the program's name. Invoked as `nvidia-smi` it behaves as `migctl smi`, as
// `nvidia-mig-parted` like that tool. Returns the exit code. `process_ends`: the process exits
// next, so resources that the kernel frees at exit are not closed.
int run_cli(const std::vector<std::string>& argv, Output& output, bool process_ends = false);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_CLI_H_
