// SPDX-License-Identifier: Apache-2.0
// Inside of holders/: leases, as holders of their instances.
#ifndef MIGCTL_HOLDERS_LEASES_H_
#define MIGCTL_HOLDERS_LEASES_H_

#include "mig/inventory.h"
#include "mig/result.h"

#include "holders/holders.h"

namespace mig::holders {

// Adds leases whose holder lives and whose instance exists. A missing store has no leases; an
// unreadable one counts as one more unreadable process.
Result<void> add_leases(const Inventory& inventory, const Roots& roots, Report& report);

}  // namespace mig::holders

#endif  // MIGCTL_HOLDERS_LEASES_H_
