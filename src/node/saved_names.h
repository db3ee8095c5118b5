// SPDX-License-Identifier: Apache-2.0
// Saves slots and leases in a checkpoint and restores them. A lease is tied to a placement: after a
// restore the instance there may have another UUID, to which the lease is moved.
#ifndef MIGCTL_NODE_SAVED_NAMES_H_
#define MIGCTL_NODE_SAVED_NAMES_H_

#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "config/checkpoint_names.h"
#include "node/slot_names.h"

namespace mig::node {

Result<config::SavedNames> saved_names(const SlotNames& slots,
                                       const std::string& lease_store,
                                       const Inventory& now);

// Restores what differs: names that are missing or have another placement now, leases with live
// holders and existing instances. One line for each that was changed or left out.
Result<std::vector<std::string>> restore_names(const config::SavedNames& saved,
                                               const SlotNames& slots,
                                               const std::string& lease_store,
                                               const Inventory& now);

}  // namespace mig::node

#endif  // MIGCTL_NODE_SAVED_NAMES_H_
