// SPDX-License-Identifier: Apache-2.0
// Result of a change.
#ifndef MIGCTL_SERVICE_CHANGED_H_
#define MIGCTL_SERVICE_CHANGED_H_

#include <optional>

#include "mig/plan.h"

#include "node/node.h"

namespace mig::service {

struct Changed {
  Plan plan;                                // the last plan made
  std::optional<node::ApplyResult> result;  // nullopt: a dry run
};

// True when done, with no pending mode.
inline bool went_well(const node::ApplyResult& result) {
  return !result.failure &&
         (result.outcome == node::Outcome::kApplied || result.outcome == node::Outcome::kUnchanged);
}

// True when everything is done except for a reset that was not allowed.
bool only_waits_for_reset(const node::ApplyResult& result);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_CHANGED_H_
