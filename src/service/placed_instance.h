// SPDX-License-Identifier: Apache-2.0
// Instances at placements that somebody else chose, each for a key of the caller's (POST and DELETE
// /v1/instances): ordinary changes of the layout, in the journal with their key. So a repetition
// finds what the first request made, also after a crash between any two steps, and what was not
// made for the key is not destroyed by it. Nothing else is touched, and a failure is rolled back.
//
// A change of this kind that a dead process left open is finished or undone first; one of other
// commands is for `migctl recover`.
//
// Threading: as the Node.
#ifndef MIGCTL_SERVICE_PLACED_INSTANCE_H_
#define MIGCTL_SERVICE_PLACED_INSTANCE_H_

#include <optional>
#include <string>

#include "mig/result.h"

#include "model/made_instance.h"
#include "model/placed_instance.h"
#include "node/node.h"

namespace mig::service {

struct Placed {
  PlacedInstance placed;
  bool fresh = false;  // made by this call
  std::string who;     // processes on it, in words; "" = none
  node::Node::Snapshot now;
};

// `made_for`: whom it is made for, with the key as the journal has it. `command`: for history.
//
// kConflict: something else is at the placement (named, with who holds it), or the key has an
// instance elsewhere; kNothingMatched, kInvalidInput: no such GPU, profile or start; kNotSupported:
// MIG is off; kNotFound: the instance with the UUID that was asked for is not there; else as
// service::change().
//
// `again`, of both: set where another program was changing the machine, so that the same call may
// succeed a little later. It returns at once then; the caller chooses how long to try.
Result<Placed> place_instance(node::Node& node,
                              const PlacedRequest& request,
                              const MadeFor& made_for,
                              const std::string& command,
                              bool& again);

// Destroys the GPU instance of that compute instance. With a key only what was made for it, also
// where the compute instance is missing. kNotFound: it is not there, or was not made for the key;
// kConflict: it shares its GPU instance with others, or another program changes the machine; kInUse
// names who has it.
Result<void> destroy_placed(node::Node& node,
                            const std::string& uuid,
                            const std::optional<std::string>& key,
                            const std::string& command,
                            bool& again);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_PLACED_INSTANCE_H_
