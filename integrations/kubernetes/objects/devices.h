// SPDX-License-Identifier: Apache-2.0
// Inside of objects/: which devices a GPU offers now, and what is left of its counters.
//
//   MIG off                      nothing: migd leases instances only
//   MIG on                       each placement that this driver could still create or has created
//   an instance of somebody else, idle: a static device in the place of its placement, which
//                                consumes nothing; busy: nothing. Either way its share is taken off
//                                the counters, and placements that it makes impossible are left out
//   mode change pending, or instances not known: nothing
//
// Pure.
#ifndef MIGCTL_KUBERNETES_OBJECTS_DEVICES_H_
#define MIGCTL_KUBERNETES_OBJECTS_DEVICES_H_

#include <string>
#include <vector>

#include "kubernetes/objects/counters.h"
#include "kubernetes/objects/slices.h"

namespace mig::kube {

struct Device {
  std::string name;
  const Gpu* gpu = nullptr;
  const GpuInstanceProfile* profile = nullptr;
  Placement placement;
  bool is_static = false;
  std::string uuid;    // of the instance, where it exists
  Counters consumes;   // empty for static devices
  std::uint64_t rank;  // position among the devices of the profile, over all GPUs; set by order.h
};

struct GpuDevices {
  bool has_counters = false;
  Counters counters;
  std::vector<Device> devices;
};

GpuDevices devices_of(const Gpu& gpu, const SliceInput& input);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_OBJECTS_DEVICES_H_
