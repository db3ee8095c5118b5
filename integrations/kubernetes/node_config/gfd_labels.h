// SPDX-License-Identifier: Apache-2.0
// Labels of what the node has, named as NVIDIA's gpu-feature-discovery names them, so that node
// selectors of old pods go on to work. Threading: pure functions.
#ifndef MIGCTL_KUBERNETES_NODE_CONFIG_GFD_LABELS_H_
#define MIGCTL_KUBERNETES_NODE_CONFIG_GFD_LABELS_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "mig/inventory.h"

namespace mig::kube {

enum class MigStrategy { kNone, kSingle, kMixed };

std::optional<MigStrategy> parse_strategy(std::string_view text);

// Counted are MIG devices, as there: compute instances, by profile. With kSingle the one profile of
// all is described as nvidia.com/gpu.*; where that is not the case, gpu.count is 0 and the product
// "...-MIG-INVALID".
std::map<std::string, std::string> gfd_labels(const Inventory& now, MigStrategy strategy);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_NODE_CONFIG_GFD_LABELS_H_
