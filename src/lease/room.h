// SPDX-License-Identifier: Apache-2.0
// Inside of lease/: whether there seems to be room for a new instance.
#ifndef MIGCTL_LEASE_ROOM_H_
#define MIGCTL_LEASE_ROOM_H_

#include "mig/inventory.h"

#include "model/instance.h"

namespace mig::lease {

// False: by the remaining capacities that the driver reports, no GPU that the need allows can get
// an instance that satisfies it now. True is no proof: a creation tells.
bool room_to_make(const Inventory& inventory, const Need& need);

}  // namespace mig::lease

#endif  // MIGCTL_LEASE_ROOM_H_
