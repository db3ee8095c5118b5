// SPDX-License-Identifier: Apache-2.0
// Inside of node/ and service/: creates an instance at once, for a waiting request.
#ifndef MIGCTL_NODE_CREATE_NOW_H_
#define MIGCTL_NODE_CREATE_NOW_H_

#include <string>

#include "mig/result.h"

#include "node/node.h"

namespace mig::node {

// Creates the requested instances if there is no blocker; no GPU is reset, and signals are deferred
// until the end. `reason` goes into the journal.
Result<void> create_now(Node& node, const Node::CreateRequest& request, const std::string& reason);

}  // namespace mig::node

#endif  // MIGCTL_NODE_CREATE_NOW_H_
