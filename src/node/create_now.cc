// SPDX-License-Identifier: Apache-2.0
#include "node/create_now.h"

#include "node/signals_later.h"

namespace mig::node {

Result<void> create_now(Node& node,
                        const Node::CreateRequest& request,
                        Cause cause,
                        const std::string& reason) {
  MIG_ASSIGN_OR_RETURN(const Plan plan, node.plan_create(request));
  if (plan.blocked()) {
    return fail(ErrorCode::kInUse, "others are in the way");
  }
  ApplyOptions options;
  options.allow_reset = false;
  options.origin = {"lease --create", reason, cause};
  const SignalsLater later;
  MIG_ASSIGN_OR_RETURN(const ApplyResult result, node.apply(plan, options));
  if (result.failure) {
    return *result.failure;
  }
  return {};
}

}  // namespace mig::node
