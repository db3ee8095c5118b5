// SPDX-License-Identifier: Apache-2.0
// Creates the instance that a slot names, for --slot with --create.
#ifndef MIGCTL_NODE_SLOT_CREATION_H_
#define MIGCTL_NODE_SLOT_CREATION_H_

#include "mig/inventory.h"
#include "mig/result.h"

#include "node/node.h"
#include "node/slot_view.h"

namespace mig::node {

// The request that creates the slot's instance beside existing ones: the GPU instance with its
// compute instance, or the latter alone. kNotFound when its GPU is absent.
Result<Node::CreateRequest> slot_request(const SlotView& slot, const Inventory& now);

}  // namespace mig::node

#endif  // MIGCTL_NODE_SLOT_CREATION_H_
