// SPDX-License-Identifier: Apache-2.0
// One function per sub-command of `migctl sim`. They print their result to stdout and return errors
// as values; sim_cli.cc parses arguments, calls and converts to an exit code.
#ifndef MIGCTL_SIM_TOOLS_COMMANDS_H_
#define MIGCTL_SIM_TOOLS_COMMANDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "sim/tools/machine_spec.h"
#include "sim/tools/problem.h"
#include "sim/tools/sim_cli.h"

namespace migsim {

Problem cmd_create(const MachineSpec& spec, bool json);
Problem cmd_list(bool check, bool json);
Problem cmd_boards(bool json);
Problem cmd_destroy(const std::string& name, bool force, bool json);
Problem cmd_env(const std::string& name, const SimPaths& paths, bool json);
Problem cmd_reset(const std::string& name, std::uint32_t gpu, bool json);
Problem cmd_clients(const std::string& name,
                    const std::string& start,
                    const std::string& stop,
                    bool json);
Problem cmd_reboot(const std::string& name, bool json);

// Prints "<what> simulated machine <name>", or as JSON {"action": what, "name": name}.
void print_done(const std::string& what, const std::string& name, bool json);

// `text` in single quotes for a POSIX shell.
std::string shell_quoted(const std::string& text);

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_COMMANDS_H_
