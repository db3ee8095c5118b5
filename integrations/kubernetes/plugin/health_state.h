// SPDX-License-Identifier: Apache-2.0
// Health of this driver's devices as the kubelet hears of it. Values.
#ifndef MIGCTL_KUBERNETES_PLUGIN_HEALTH_STATE_H_
#define MIGCTL_KUBERNETES_PLUGIN_HEALTH_STATE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "kubernetes/plugin/latest.h"

namespace mig::kube {

struct DeviceHealth {
  std::string pool, device;
  bool healthy = true;
  std::int64_t since_s = 0;  // seconds since 1970
  std::string message;       // why not
  friend bool operator==(const DeviceHealth&, const DeviceHealth&) = default;
};

// All devices at each change; the kubelet takes a device that is missing for unknown.
using HealthState = Latest<std::vector<DeviceHealth>>;

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_PLUGIN_HEALTH_STATE_H_
