// SPDX-License-Identifier: Apache-2.0
// JSON of instances at chosen placements: POST /v1/instances and DELETE /v1/instances/UUID.
// Threading: pure functions.
#ifndef MIGCTL_WIRE_INSTANCES_H_
#define MIGCTL_WIRE_INSTANCES_H_

#include <string>
#include <string_view>

#include "mig/result.h"

#include "model/placed_instance.h"
#include "wire/wire.h"

namespace mig::wire {

std::string placed_request_document(const PlacedRequest& request);

// kInvalidInput names the missing, mistyped or unknown member; kTooLarge above 64 KiB.
Result<PlacedRequest> parse_placed_request(std::string_view text);

std::string placed_instance_document(const PlacedInstance& placed, const Source& source);

// Answer of DELETE: the GPU instance of that compute instance is no more.
std::string destroyed_instance_document(const std::string& uuid, const Source& source);

struct PlacedAnswer {
  PlacedInstance placed;
  Source source;
};

// An Error document is that error.
Result<PlacedAnswer> parse_placed_instance(std::string_view text);

// UUID of a DestroyedInstance document; an Error document is that error.
Result<std::string> parse_destroyed_instance(std::string_view text);

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_INSTANCES_H_
