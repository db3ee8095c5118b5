// SPDX-License-Identifier: Apache-2.0
// How a change ended.
#ifndef MIGCTL_SERVICE_CHANGED_H_
#define MIGCTL_SERVICE_CHANGED_H_

#include <optional>

#include "mig/plan.h"

#include "node/node.h"

namespace mig::service {

struct Changed {
  Plan plan;                                // the last one that was made
  std::optional<node::ApplyResult> result;  // nullopt: a dry run
};

// Done as far as it goes, and nothing waits for a reset.
inline bool went_well(const node::ApplyResult& result) {
  return !result.failure &&
         (result.outcome == node::Outcome::kApplied || result.outcome == node::Outcome::kUnchanged);
}

// All but what waits for a reset that was not allowed is done.
bool only_waits_for_reset(const node::ApplyResult& result);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_CHANGED_H_
