// SPDX-License-Identifier: Apache-2.0
// Outcome of a plan as text. Pure functions.
#ifndef MIGCTL_CLI_RENDER_OUTCOME_H_
#define MIGCTL_CLI_RENDER_OUTCOME_H_

#include <string>

#include "mig/plan.h"

#include "cli/output.h"
#include "model/change_record.h"
#include "wire/wire.h"

namespace mig::cli {

// Outcome, then the strips of the plan's GPUs after it.
std::string render_outcome(const Plan& plan,
                           const ApplyResult& result,
                           const wire::Source& source,
                           const Paint& paint);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_RENDER_OUTCOME_H_
