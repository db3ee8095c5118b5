// SPDX-License-Identifier: Apache-2.0
// Claims as values: what the scheduler allocated of this driver's devices, and what became of it.
// Shared by claims/ and plugin/. Pure.
#ifndef MIGCTL_KUBERNETES_OBJECTS_ALLOCATION_H_
#define MIGCTL_KUBERNETES_OBJECTS_ALLOCATION_H_

#include <string>
#include <string_view>
#include <vector>

#include "mig/result.h"

namespace mig::kube {

inline constexpr std::string_view kDriverName = "mig.migctl.dev";

struct ClaimRef {
  std::string name_space, name, uid;
  friend bool operator==(const ClaimRef&, const ClaimRef&) = default;

  std::string str() const { return name_space + "/" + name; }
};

// One device of status.allocation.devices.results of this driver and this node's pool.
struct AllocatedDevice {
  std::string request;  // "gpu", "gpu/small" for a subrequest
  std::string pool, device;
  std::string share_id;  // "" = not shared
  friend bool operator==(const AllocatedDevice&, const AllocatedDevice&) = default;
};

struct PreparedDevice {
  std::string request;
  std::string pool, device;
  std::string share_id;
  std::vector<std::string> cdi_ids;  // "nvidia.com/gpu=MIG-..."
  friend bool operator==(const PreparedDevice&, const PreparedDevice&) = default;
};

// `claim`: text of a ResourceClaim. Errors: kConflict when its uid is not `ref`'s (deleted and made
// anew) or it has no allocation; kInvalidInput names the member; kTooLarge.
Result<std::vector<AllocatedDevice>> parse_allocation(std::string_view claim,
                                                      const ClaimRef& ref,
                                                      const std::string& pool);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_OBJECTS_ALLOCATION_H_
