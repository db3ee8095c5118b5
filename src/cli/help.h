// SPDX-License-Identifier: Apache-2.0
// Help pages, generated from the command table and the declared options.
#ifndef MIGCTL_CLI_HELP_H_
#define MIGCTL_CLI_HELP_H_

#include <string>

#include "cli/command.h"

namespace mig::cli {

std::string overview();
std::string command_help(Command& command);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_HELP_H_
