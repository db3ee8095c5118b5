// SPDX-License-Identifier: Apache-2.0
// Creates the instance that a slot names, for --slot with --create.
#ifndef MIGCTL_NODE_SLOT_CREATION_H_
#define MIGCTL_NODE_SLOT_CREATION_H_

#include <string>

#include "mig/inventory.h"
#include "mig/result.h"

#include "node/node.h"
#include "node/slot_view.h"

namespace mig::node {

// The request that creates the slot's instance beside existing ones: the GPU instance with its
// compute instance, or the latter alone. kNotFound when its GPU is absent.
Result<Node::CreateRequest> slot_request(const SlotView& slot, const Inventory& now);

// The slot's instance, created if it is missing and nothing has to be destroyed for it. Errors: why
// that is impossible (kNoCapacity, kConflict with what occupies the slot), or those of the change.
Result<SlotView> make_slot(Node& node, const std::string& name);

}  // namespace mig::node

#endif  // MIGCTL_NODE_SLOT_CREATION_H_
