// SPDX-License-Identifier: Apache-2.0
// Inside of objects/: which slice each device of a machine belongs into, by its hardware alone, so
// that no change of the layout moves a device to another slice. Pure.
#ifndef MIGCTL_KUBERNETES_OBJECTS_SLICE_GROUPS_H_
#define MIGCTL_KUBERNETES_OBJECTS_SLICE_GROUPS_H_

#include <cstddef>
#include <map>
#include <string>
#include <utility>

#include "mig/inventory.h"

namespace mig::kube {

struct SliceGroup {
  std::size_t slice = 0;  // from 0
  std::size_t kind = 0;   // number of the profile, the smallest first
};

// By profile name and GPU UUID.
struct SliceGroups {
  std::map<std::pair<std::string, std::string>, SliceGroup> of;
  std::size_t count = 0;  // of slices
};

// The smallest profiles first. The devices of a profile share a slice where `most` devices allow;
// those of one GPU always do.
SliceGroups slice_groups_of(const Inventory& now, std::size_t most);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_OBJECTS_SLICE_GROUPS_H_
