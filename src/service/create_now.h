// SPDX-License-Identifier: Apache-2.0
// Inside of service/: an instance that somebody waits for, made at once, by the loop that all
// changes take (change.h).
#ifndef MIGCTL_SERVICE_CREATE_NOW_H_
#define MIGCTL_SERVICE_CREATE_NOW_H_

#include <string>

#include "mig/result.h"

#include "node/node.h"
#include "node/slot_view.h"

namespace mig::service {

// Makes what somebody waits for, where nobody is in the way; no GPU is reset, and a signal ends
// nothing half-way. `reason` goes into the journal.
Result<void> create_now(node::Node& node,
                        const node::Node::CreateRequest& request,
                        node::Cause cause,
                        const std::string& reason);

// The slot's instance, made when it is not there and nothing has to go for it. Errors: why it
// cannot be (kNoCapacity, kConflict with what lies there), or those of the change.
Result<node::SlotView> make_slot(node::Node& node, const std::string& name);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_CREATE_NOW_H_
