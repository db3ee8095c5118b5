// SPDX-License-Identifier: Apache-2.0
// Inside of node/ and service/: an instance that somebody waits for, made at once.
#ifndef MIGCTL_NODE_CREATE_NOW_H_
#define MIGCTL_NODE_CREATE_NOW_H_

#include <string>

#include "mig/result.h"

#include "node/node.h"

namespace mig::node {

// Makes what somebody waits for, where nobody is in the way; no GPU is reset, and a signal ends
// nothing half-way. `reason` goes into the journal.
Result<void> create_now(Node& node,
                        const Node::CreateRequest& request,
                        Cause cause,
                        const std::string& reason);

}  // namespace mig::node

#endif  // MIGCTL_NODE_CREATE_NOW_H_
