// SPDX-License-Identifier: Apache-2.0
// The program under the name nvidia-mig-parted: a drop-in replacement with that tool's commands,
// flags, variables, files, success lines and log format, on migctl's plan, transaction and checks.
// Exit code 1 for every failure.
#ifndef MIGCTL_CLI_MIG_PARTED_H_
#define MIGCTL_CLI_MIG_PARTED_H_

#include <string>
#include <vector>

#include "cli/output.h"

namespace mig::cli {

// `args` without the program's name.
int run_mig_parted(const std::vector<std::string>& args, Output& output);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_MIG_PARTED_H_
