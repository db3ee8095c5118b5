// SPDX-License-Identifier: Apache-2.0
// Inside of service/: creates an instance at once for a waiting request, by the common change loop
// (change.h).
#ifndef MIGCTL_SERVICE_CREATE_NOW_H_
#define MIGCTL_SERVICE_CREATE_NOW_H_

#include <optional>
#include <string>

#include "mig/result.h"

#include "node/node.h"
#include "node/slot_view.h"

namespace mig::service {

// Creates the requested instances if there is no blocker; no GPU is reset, and signals are deferred
// until the end. `reason` and for whom they are made go into the journal.
Result<void> create_now(node::Node& node,
                        const node::Node::CreateRequest& request,
                        node::Cause cause,
                        const std::string& reason,
                        const std::optional<MadeFor>& made_for);

// The slot's instance, created if it is missing and nothing has to be destroyed for it. Errors: why
// that is impossible (kNoCapacity, kConflict with what occupies the slot), or those of the change.
Result<node::SlotView> make_slot(node::Node& node,
                                 const std::string& name,
                                 const MadeFor& made_for);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_CREATE_NOW_H_
