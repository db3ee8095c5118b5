// SPDX-License-Identifier: Apache-2.0
// Parses words into a command with its options set. The only user of CLI11 is parse.cc.
#ifndef MIGCTL_CLI_PARSE_H_
#define MIGCTL_CLI_PARSE_H_

#include <memory>
#include <string>
#include <vector>

#include "cli/command.h"

namespace mig::cli {

struct Invocation {
  Globals globals;
  std::string name;                  // "" = no command given
  std::unique_ptr<Command> command;  // null when `name` is ""
  bool help = false;
  bool version = false;
  std::vector<std::string> rest;  // words after `--`, or after a command that passes through
  bool rest_given = false;
  bool verb_given = false;  // Command::verb()
};

// `args` without argv[0]. Errors are kUsage with the nearest name as the hint. `globals` is filled
// as far as parsing came, so that an Error can be printed as requested (--json).
Result<Invocation> parse_command_line(const std::vector<std::string>& args, Globals& globals);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_PARSE_H_
