// SPDX-License-Identifier: Apache-2.0
// Search for the simulator's driver library, beside the executable.
#ifndef MIGCTL_CLI_DRIVER_H_
#define MIGCTL_CLI_DRIVER_H_

#include <string>

#include "cli/command.h"
#include "client/lease_client.h"
#include "client/machine.h"

namespace mig::cli {

// $MIGCTL_SIM_LIBRARY_DIR, else ../lib/sim or ../lib/migctl/sim beside the executable's folder,
// whichever contains libnvidia-ml.so.1; else the first of the two (and its absence is the error).
std::string sim_library_dir();

// Folder of the libnvidia-ml.so.1 of `run --compat index`; $MIGCTL_COMPAT_LIBRARY_DIR for builds
// that are laid out otherwise.
std::string compat_library_dir();

node::DriverChoice driver_choice(const Globals& globals);

// As the user calls this program, for commands that mend: "migctl --sim lab".
std::string program_of(const Context& context);

// How this command reaches the machine and its daemon; notes about that go to stderr with
// --verbose.
client::Options client_options(const Context& context);
client::OpenNode open_node(Context& context);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_DRIVER_H_
