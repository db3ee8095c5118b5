// SPDX-License-Identifier: Apache-2.0
// Plans and what came of them, as text for people. Pure functions.
#ifndef MIGCTL_CLI_RENDER_PLAN_H_
#define MIGCTL_CLI_RENDER_PLAN_H_

#include <string>

#include "mig/inventory.h"
#include "mig/plan.h"

#include "cli/output.h"
#include "service/service.h"
#include "wire/wire.h"

namespace mig::cli {

std::string seconds_text(double milliseconds);  // "0.24 s", "11 s", "4 ms"

std::string render_plan(const Plan& plan, const wire::Source& source, const Paint& paint);

// What a blocked plan waits for, as the Error that ends the command.
Error blocked_error(const Plan& plan);

// `rolled_back`, as in JSON.
std::string outcome_text(service::Outcome outcome);

// Outcome, then the strips of the GPUs that the plan names, as they are now.
std::string render_outcome(const Plan& plan,
                           const service::ApplyResult& result,
                           const wire::Source& source,
                           const Paint& paint);

// Strips of one scale, at most 79 columns: the slot width that fits all of them.
class StripScale {
 public:
  void include(const GpuLayout& layout);
  // One line; two with the ruler. `lead` stands before the strip, blanks of its width before the
  // ruler.
  std::string draw(const GpuLayout& layout,
                   const std::string& lead,
                   bool ruler,
                   const Paint& paint) const;

 private:
  std::uint32_t width_ = 0;
  std::uint32_t slots_ = 0;
};

}  // namespace mig::cli

#endif  // MIGCTL_CLI_RENDER_PLAN_H_
