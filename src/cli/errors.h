// SPDX-License-Identifier: Apache-2.0
// The one printer of errors.
#ifndef MIGCTL_CLI_ERRORS_H_
#define MIGCTL_CLI_ERRORS_H_

#include <optional>
#include <string>

#include "cli/command.h"

namespace mig::cli {

// "migctl: error: ...\nhint: ...\n".
std::string error_text(const Error& error, const Paint& paint);
std::string nvml_name(const Error& error);  // "" = no driver code

// Text on stderr, or with --json one Error document on stdout. Returns the exit code.
int print_error(const Error& error,
                bool json,
                const std::optional<wire::Source>& source,
                Output& output);

// The end of a command that showed what it could of all GPUs: 0; where one cannot be opened, its
// error on stderr (also with --json: the document has it as "lost") and that exit code.
int end_of_looking(const Inventory& inventory, Output& output);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_ERRORS_H_
