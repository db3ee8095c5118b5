// SPDX-License-Identifier: Apache-2.0
// Inside of observe/: Xid events, with the GPU instance and compute instance that the driver names.
// An event set sees what happens while it exists: what happened while the driver was closed is
// missed.
//
// Threading: as the session, which must outlive the object.
#ifndef MIGCTL_OBSERVE_XIDS_H_
#define MIGCTL_OBSERVE_XIDS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "mig/result.h"

#include "model/sample.h"
#include "nvml/functions.h"
#include "observe/topology.h"

namespace mig::observe {

using XidCounts = std::map<std::string, std::vector<XidCount>>;  // by GPU UUID

// Counts one more.
void count_xid(std::vector<XidCount>& counts,
               std::uint64_t xid,
               std::optional<GpuInstanceId> gpu_instance,
               std::optional<ComputeInstanceId> compute_instance,
               std::int64_t now_ms);

class XidWatch {
 public:
  explicit XidWatch(const nvml::Functions& nvml) : nvml_(nvml) {}

  ~XidWatch();
  XidWatch(const XidWatch&) = delete;
  XidWatch& operator=(const XidWatch&) = delete;
  XidWatch(XidWatch&&) = delete;
  XidWatch& operator=(XidWatch&&) = delete;

  // Counts what came since the last call; waits for nothing.
  Result<void> read(const std::vector<const WatchedGpu*>& gpus,
                    std::int64_t now_ms,
                    XidCounts& counts);

 private:
  Result<void> listen(const std::vector<const WatchedGpu*>& gpus);
  void stop();

  const nvml::Functions& nvml_;
  nvmlEventSet_t set_ = nullptr;
  std::map<nvmlDevice_t, std::string> registered_;  // GPU UUIDs
  std::string refused_;                             // by some GPU; "" = by none
};

}  // namespace mig::observe

#endif  // MIGCTL_OBSERVE_XIDS_H_
