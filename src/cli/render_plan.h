// SPDX-License-Identifier: Apache-2.0
// Plans as text. Pure functions.
#ifndef MIGCTL_CLI_RENDER_PLAN_H_
#define MIGCTL_CLI_RENDER_PLAN_H_

#include <string>

#include "mig/plan.h"

#include "cli/output.h"
#include "wire/wire.h"

namespace mig::cli {

std::string seconds_text(double milliseconds);  // "0.24 s", "11 s", "4 ms"

std::string render_plan(const Plan& plan, const wire::Source& source, const Paint& paint);

// Error of a blocked plan, with its blockers.
Error blocked_error(const Plan& plan);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_RENDER_PLAN_H_
