// SPDX-License-Identifier: Apache-2.0
// An instance at a placement that somebody chose (POST /v1/instances), as values: what is asked
// for, and what is there then. For schedulers that decide themselves where an instance goes, as
// Kubernetes' does. Plain values.
#ifndef MIGCTL_MODEL_PLACED_INSTANCE_H_
#define MIGCTL_MODEL_PLACED_INSTANCE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "mig/ids.h"
#include "mig/profile.h"

#include "model/instance.h"

namespace mig {

struct PlacedRequest {
  std::string gpu_uuid;
  ProfileName profile;      // of the GPU instance
  std::uint32_t start = 0;  // of its placement, in memory slots
  // The caller's own name for it: the same key means the same instance, as long as it is there.
  std::string key;
  std::string reason;                         // for history; "" = none
  std::optional<ProfileName> compute = {};    // of the compute instance; nullopt: full size
  std::optional<std::string> lease_job = {};  // also lease it to the key, under this name
  // With a lease: an instance of this profile that is at the placement already, of whomever, is
  // leased as it is if it is free. It is not destroyed by the key then.
  bool existing = false;
  // With a lease: only the instance with this UUID, which is at the placement already, is meant,
  // and nothing is made. "" = any.
  std::string uuid = {};
};

struct PlacedInstance {
  Instance instance;
  Placement placement;  // of the GPU instance
  bool made = false;    // for the key: by this request or an earlier one
  std::optional<std::int64_t> lease = {};
  // Name for container engines, "nvidia.com/gpu=MIG-..."; "" = the kept CDI file has none.
  std::string cdi_device = {};
  std::string cdi_missing = {};  // why, and what to do
};

}  // namespace mig

#endif  // MIGCTL_MODEL_PLACED_INSTANCE_H_
