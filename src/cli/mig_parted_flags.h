// SPDX-License-Identifier: Apache-2.0
// Words after `nvidia-mig-parted`, by the rules of its flag library: "-f FILE",
// "--config-file=FILE", "-config-file FILE", "-sm", "--mode-only=false", then MIG_PARTED_*
// variables.
#ifndef MIGCTL_CLI_MIG_PARTED_FLAGS_H_
#define MIGCTL_CLI_MIG_PARTED_FLAGS_H_

#include <string>
#include <vector>

#include "mig/result.h"

namespace mig::cli {

struct MigPartedFlags {
  std::string command;  // "" = none given
  bool debug = false, help = false, version = false;
  std::string config_file, selected_config, hooks_file, checkpoint_file, output_file;
  std::string output_format = "yaml", config_label = "current";
  bool skip_reset = false, mode_only = false, valid_config = false;
};

// kUsage with mig-parted's error text where it has one. Fills `flags` as far as parsing came.
Result<void> parse_mig_parted(const std::vector<std::string>& args, MigPartedFlags& flags);

// The overview, or the help of a command.
std::string mig_parted_help(const std::string& command);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_MIG_PARTED_FLAGS_H_
