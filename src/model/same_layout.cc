// SPDX-License-Identifier: Apache-2.0
#include "model/same_layout.h"

#include <algorithm>

namespace mig {
namespace {

bool same_compute_instance(const ComputeInstance& a, const ComputeInstance& b) {
  return a.id == b.id && a.name == b.name && a.placement == b.placement && a.uuid == b.uuid &&
         a.device_index == b.device_index;
}

bool same_gpu_instance(const GpuInstance& a, const GpuInstance& b) {
  return a.id == b.id && a.name == b.name && a.profile_id == b.profile_id &&
         a.placement == b.placement &&
         std::equal(a.compute_instances.begin(),
                    a.compute_instances.end(),
                    b.compute_instances.begin(),
                    b.compute_instances.end(),
                    same_compute_instance);
}

}  // namespace

bool same_layout(const Gpu& a, const Gpu& b) {
  return a.uuid == b.uuid && a.mig_current == b.mig_current && a.mig_pending == b.mig_pending &&
         std::equal(a.instances.begin(),
                    a.instances.end(),
                    b.instances.begin(),
                    b.instances.end(),
                    same_gpu_instance);
}

}  // namespace mig
