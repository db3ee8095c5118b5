// SPDX-License-Identifier: Apache-2.0
// Inside of apply/: reads the machine at the end of a change, with retries, because a single
// reading may fail transiently or show an old state.
#ifndef MIGCTL_APPLY_SETTLED_H_
#define MIGCTL_APPLY_SETTLED_H_

#include <functional>

#include "mig/inventory.h"
#include "mig/result.h"

#include "apply/apply.h"

namespace mig::apply {

// Reads until `good` accepts (eventual consistency); else returns the last reading. An Error when
// none succeeded.
Result<Inventory> read_settled(const Context& context,
                               const std::function<bool(const Inventory&)>& good);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_SETTLED_H_
