// SPDX-License-Identifier: Apache-2.0
// Inside of objects/: one device of a ResourceSlice as JSON: attributes, capacities, counters,
// taints. Pure.
#ifndef MIGCTL_KUBERNETES_OBJECTS_DEVICE_JSON_H_
#define MIGCTL_KUBERNETES_OBJECTS_DEVICE_JSON_H_

#include <string>
#include <string_view>

#include "base/json.h"
#include "kubernetes/objects/devices.h"

namespace mig::kube {

base::Json device_json(const Device& device, const SliceInput& input);
base::Json counters_json(const Counters& counters);

// "580.159.04" -> "580.159.4": attributes of the type version are semantic versions, which have
// three parts and no leading zeros. "" = it is none.
std::string semantic_version(std::string_view driver_version);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_OBJECTS_DEVICE_JSON_H_
