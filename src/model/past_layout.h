// SPDX-License-Identifier: Apache-2.0
// What the journal knows of instances that were: by recorded change, the compute instances of the
// change's GPUs before and after it. Plain values.
#ifndef MIGCTL_MODEL_PAST_LAYOUT_H_
#define MIGCTL_MODEL_PAST_LAYOUT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mig/ids.h"
#include "mig/profile.h"

namespace mig {

struct PastInstance {
  std::string uuid;  // "MIG-..."; "" = not recorded (by a migctl of before it was)
  std::string gpu_uuid;
  GpuIndex gpu;
  GpuInstanceId gpu_instance;
  ComputeInstanceId compute_instance;
  ProfileName profile;                         // of the compute instance
  Placement placement;                         // of its GPU instance
  std::optional<Placement> compute_placement;  // inside it
  std::optional<std::uint32_t> device_index;   // MIG device index on its GPU
};

struct PastLayout {
  std::vector<std::string> gpus;  // UUIDs: all that it says something of
  std::vector<PastInstance> instances;
};

struct PastChange {
  std::int64_t id = 0;
  std::int64_t started_ms = 0;  // Unix time
  std::string command;
  PastLayout before;
  std::optional<PastLayout> after;  // nullopt: not recorded, it is open or stuck
};

}  // namespace mig

#endif  // MIGCTL_MODEL_PAST_LAYOUT_H_
