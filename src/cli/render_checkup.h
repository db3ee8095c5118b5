// SPDX-License-Identifier: Apache-2.0
// A Checkup as text: pure functions.
#ifndef MIGCTL_CLI_RENDER_CHECKUP_H_
#define MIGCTL_CLI_RENDER_CHECKUP_H_

#include <string>
#include <vector>

#include "cli/output.h"
#include "model/checkup.h"
#include "wire/wire.h"

namespace mig::cli {

// Exit code of an examination that went well and found something wrong: of no error
// (docs/reference/errors.md).
inline constexpr int kFoundTrouble = 22;

// A line for each check, below it what is wrong, and a summary. `all`: evidence of every check.
std::string render_checkup(const Checkup& checkup,
                           const wire::Source& source,
                           bool all,
                           const Paint& paint);

std::string render_checks(const std::vector<CheckName>& checks, const Paint& paint);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_RENDER_CHECKUP_H_
