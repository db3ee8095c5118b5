// SPDX-License-Identifier: Apache-2.0
// Inside of objects/: the order of the devices of one profile. Each next device is the one whose
// use, after that of all devices before it, costs the fewest placements (planner::Board::room). So
// the order is right for one claim, and stays right when several are allocated before it is
// published anew. Pure.
#ifndef MIGCTL_KUBERNETES_OBJECTS_ORDER_H_
#define MIGCTL_KUBERNETES_OBJECTS_ORDER_H_

#include <vector>

#include "kubernetes/objects/devices.h"

namespace mig::kube {

// Sets Device::rank of all devices: static ones first, then those that can be had now, each profile
// for itself, then the rest.
void rank_devices(std::vector<Device*>& devices, const SliceInput& input);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_OBJECTS_ORDER_H_
