// SPDX-License-Identifier: Apache-2.0
// Inside of apply/: reasons to refuse a change before it begins. Pure functions.
#ifndef MIGCTL_APPLY_PREFLIGHT_H_
#define MIGCTL_APPLY_PREFLIGHT_H_

#include "mig/inventory.h"
#include "mig/plan.h"
#include "mig/result.h"

#include "apply/apply.h"

namespace mig::apply {

// Checks kPermission first: without the right to change, conflicts do not matter.
Result<void> preflight(const Plan& plan, const Inventory& now, const ApplyOptions& options);

// Steps that the options select, in order; with mode_only no creates, and destroys only before MIG
// is disabled.
std::vector<Step> selected_steps(const Plan& plan, const ApplyOptions& options);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_PREFLIGHT_H_
