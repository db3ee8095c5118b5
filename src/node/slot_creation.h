// SPDX-License-Identifier: Apache-2.0
// What makes the instance that a slot names, for --slot with --create.
#ifndef MIGCTL_NODE_SLOT_CREATION_H_
#define MIGCTL_NODE_SLOT_CREATION_H_

#include "mig/inventory.h"
#include "mig/result.h"

#include "node/node.h"
#include "node/slot_view.h"

namespace mig::node {

// What makes it, beside what is there: the GPU instance with its compute instance, or that alone.
// kNotFound when its GPU is not here.
Result<Node::CreateRequest> slot_request(const SlotView& slot, const Inventory& now);

}  // namespace mig::node

#endif  // MIGCTL_NODE_SLOT_CREATION_H_
