// SPDX-License-Identifier: Apache-2.0
// Constant facts of a GPU while its driver is loaded: read once and cached by frequent readers.
// Threading: as the session that fills the cache.
#ifndef MIGCTL_DEVICE_FACTS_H_
#define MIGCTL_DEVICE_FACTS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mig/profile.h"

namespace mig::device {

struct ComputeProfile {
  ComputeInstanceProfile profile;
  std::uint32_t id = 0;  // argument of create and list calls; equal to the index on known drivers
};

// Compute profiles by the NVML index of the GPU instance profile that offers them.
using ComputeProfiles = std::map<std::uint32_t, std::vector<ComputeProfile>>;

struct GpuFacts {
  std::vector<GpuInstanceProfile> profiles;  // without remaining capacity; empty = not read yet
  ComputeProfiles compute_profiles;          // of the GPU instance profiles read so far
};

// Cache of constant facts of a session's GPUs, by UUID.
class FactsOfGpus {
 public:
  // Invalidates the cache when the session was renewed: the driver may have been replaced.
  std::shared_ptr<GpuFacts> of(const std::string& uuid, std::uint64_t epoch) {
    if (epoch != epoch_) {
      gpus_.clear();
    }
    epoch_ = epoch;
    std::shared_ptr<GpuFacts>& facts = gpus_[uuid];
    if (!facts) {
      facts = std::make_shared<GpuFacts>();
    }
    return facts;
  }

  void forget() { gpus_.clear(); }

 private:
  std::uint64_t epoch_ = 0;
  std::map<std::string, std::shared_ptr<GpuFacts>> gpus_;
};

}  // namespace mig::device

#endif  // MIGCTL_DEVICE_FACTS_H_
