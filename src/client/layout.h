// SPDX-License-Identifier: Apache-2.0
// A layout through the daemon: planned by it, looked at, carried out as one of its transactions.
//
// Threading: thread-safe, without state. Errors: the daemon's own; kNotFound: nobody listens.
#ifndef MIGCTL_CLIENT_LAYOUT_H_
#define MIGCTL_CLIENT_LAYOUT_H_

#include <chrono>
#include <string>

#include "mig/plan.h"
#include "mig/result.h"

#include "wire/layout_request.h"

namespace mig::client {

// A layout file's text and one of its configs.
struct WantedLayout {
  std::string text, config;
  std::string reason;  // for history
};

Result<Plan> plan_layout(const std::string& socket,
                         const WantedLayout& wanted,
                         std::chrono::milliseconds patience);

// Only that plan. kConflict: another one would come out now, or another change is under way;
// kInUse: somebody stands in the way. kTimeout: the change goes on, and what became of it is found
// by planning again.
Result<wire::ApplyAnswer> apply_layout(const std::string& socket,
                                       const WantedLayout& wanted,
                                       const Plan& plan,
                                       std::chrono::milliseconds patience);

}  // namespace mig::client

#endif  // MIGCTL_CLIENT_LAYOUT_H_
