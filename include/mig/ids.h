// SPDX-License-Identifier: Apache-2.0
// Strong ids: a GPU instance id is not an int, and not a compute instance id.
#ifndef MIG_IDS_H_
#define MIG_IDS_H_

#include <compare>
#include <cstdint>

namespace mig {

template <class Tag>
struct Id {
  std::uint32_t value = 0;
  friend constexpr auto operator<=>(Id, Id) = default;
};

using GpuIndex = Id<struct GpuIndexTag>;                    // NVML index on this machine
using GpuInstanceId = Id<struct GpuInstanceIdTag>;          // unique inside its GPU
using ComputeInstanceId = Id<struct ComputeInstanceIdTag>;  // unique inside its GPU instance
using ProfileId = Id<struct ProfileIdTag>;                  // as nvidia-smi prints; per board

}  // namespace mig

#endif  // MIG_IDS_H_
