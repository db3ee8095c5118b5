// SPDX-License-Identifier: Apache-2.0
// Inside of apply/: reasons not to begin. Pure functions.
#ifndef MIGCTL_APPLY_PREFLIGHT_H_
#define MIGCTL_APPLY_PREFLIGHT_H_

#include "mig/inventory.h"
#include "mig/plan.h"
#include "mig/result.h"

#include "apply/apply.h"

namespace mig::apply {

// kPermission before anything else: who may not change, need not know of conflicts.
Result<void> preflight(const Plan& plan, const Inventory& now, const ApplyOptions& options);

// The steps that the options leave, in order: with mode_only no creates, and destroys only where
// the mode is about to go off.
std::vector<Step> selected_steps(const Plan& plan, const ApplyOptions& options);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_PREFLIGHT_H_
