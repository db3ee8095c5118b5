// SPDX-License-Identifier: Apache-2.0
// Slots and leases into a checkpoint and back. A lease is for the instance at a place: after a
// restore that may have another UUID, and the lease moves with it.
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

// Sets what is not as saved: names that are missing or mean another place by now, leases whose
// holders live and whose instances are there. One line for each that was changed or left out.
Result<std::vector<std::string>> restore_names(const config::SavedNames& saved,
                                               const SlotNames& slots,
                                               const std::string& lease_store,
                                               const Inventory& now);

}  // namespace mig::node

#endif  // MIGCTL_NODE_SAVED_NAMES_H_
