// SPDX-License-Identifier: Apache-2.0
// What has to be written so that the API server's ResourceSlices of a node are the wanted ones.
//
// All slices of a pool carry one generation; the scheduler takes those of the highest one, and
// allocates nothing while some are missing. So a change of several slices gets a new generation:
// whoever reads in the middle sees an incomplete pool, never two halves of different states. The
// generation stays only where each mixture of old and new slices says the truth: at most one slice
// differs in content, and all others in the order of their devices at most.
//
// Pure.
#ifndef MIGCTL_KUBERNETES_PUBLISH_POOL_UPDATE_H_
#define MIGCTL_KUBERNETES_PUBLISH_POOL_UPDATE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"

namespace mig::kube {

struct SliceToDelete {
  std::string name, uid;
};

// In the order in which they are done: deletions, replacements, creations.
struct PoolUpdate {
  std::int64_t generation = 0;
  std::vector<SliceToDelete> remove;
  std::vector<base::Json> replace;  // with resourceVersion
  std::vector<base::Json> create;

  bool empty() const { return remove.empty() && replace.empty() && create.empty(); }
};

// `existing`: what the server has of this driver and node, whatever its pool and names. `wanted`:
// of resource_slices(), with any generation.
PoolUpdate pool_update(const std::vector<base::Json>& existing,
                       const std::vector<base::Json>& wanted);

// Adds a taint with the effect NoSchedule to each device that has none with that key. The slices
// otherwise stay what they are.
std::vector<base::Json> with_taint(std::vector<base::Json> slices,
                                   const std::string& key,
                                   std::int64_t now_ms);

// metadata.name; "" = none.
std::string slice_name(const base::Json& slice);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_PUBLISH_POOL_UPDATE_H_
