// SPDX-License-Identifier: Apache-2.0
// Shell completion scripts, generated from the command table. Pure functions.
#ifndef MIGCTL_CLI_COMPLETION_H_
#define MIGCTL_CLI_COMPLETION_H_

#include <string>

namespace mig::cli {

std::string bash_completion();
std::string zsh_completion();
std::string fish_completion();

}  // namespace mig::cli

#endif  // MIGCTL_CLI_COMPLETION_H_
