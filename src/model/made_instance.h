// SPDX-License-Identifier: Apache-2.0
// Instances that were made for a request (--create), as values: for whom, and since when they are
// idle. Plain values.
#ifndef MIGCTL_MODEL_MADE_INSTANCE_H_
#define MIGCTL_MODEL_MADE_INSTANCE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "mig/ids.h"

namespace mig {

// For whom an instance was made.
struct MadeFor {
  std::uint32_t uid = 0;
  std::string tenant;
  std::int64_t request = 0;
  std::int64_t lease = 0;  // the request's lease on it; 0: none (yet)
  // POST /v1/instances: the caller's key, which the instance is kept for until it is destroyed by
  // that key. "" = made for a request of a lease, and reclaimed when idle.
  std::string key = {};

  friend bool operator==(const MadeFor&, const MadeFor&) = default;
};

// A GPU instance that was made for a request. Its UUID would not identify it: a later instance at
// the same place may have the same one. So the change of the journal does.
struct MadeInstance {
  std::int64_t change = 0;  // in the journal
  std::string gpu_uuid;
  GpuInstanceId gpu_instance;
  std::uint32_t start = 0, size = 0;  // its placement, in memory slots
  std::string profile;
  MadeFor made_for;
  // Since when nobody used it: time since boot, and the boot. "" = in use, or not looked at yet.
  std::string idle_boot_id;
  std::int64_t idle_boot_ms = 0;

  friend bool operator==(const MadeInstance&, const MadeInstance&) = default;
};

}  // namespace mig

#endif  // MIGCTL_MODEL_MADE_INSTANCE_H_
