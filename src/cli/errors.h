// SPDX-License-Identifier: Apache-2.0
// The only printer of errors.
#ifndef MIGCTL_CLI_ERRORS_H_
#define MIGCTL_CLI_ERRORS_H_

#include <optional>
#include <string>

#include "cli/command.h"

namespace mig::cli {

// "migctl: error: ...\nhint: ...\n".
std::string error_text(const Error& error, const Paint& paint);

// Prints text on stderr, or with --json one Error document on stdout. Returns the exit code.
int print_error(const Error& error,
                bool json,
                const std::optional<wire::Source>& source,
                Output& output);

// Exit code of a reading command: 0; if a GPU cannot be opened, its error on stderr (also with
// --json, whose document lists it under "lost") and its exit code.
int end_of_looking(const Inventory& inventory, Output& output);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_ERRORS_H_
