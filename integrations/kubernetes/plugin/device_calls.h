// SPDX-License-Identifier: Apache-2.0
// What the device plugin's services do, as functions.
#ifndef MIGCTL_KUBERNETES_PLUGIN_DEVICE_CALLS_H_
#define MIGCTL_KUBERNETES_PLUGIN_DEVICE_CALLS_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "mig/result.h"

#include "kubernetes/plugin/device_resources.h"

namespace mig::kube {

// What a container gets for its devices.
struct Granted {
  std::vector<std::string> cdi_ids;
  std::map<std::string, std::string> environment;  // for kubelets without CDI
};

// Called on gRPC's threads, several at a time.
struct DeviceCalls {
  // All devices of one container, or an error: nothing is given then.
  std::function<Result<Granted>(const std::string& resource, const std::vector<PluginDevice>&)>
      allocate;
  std::function<Result<std::vector<std::string>>(const Choice&)> prefer;
};

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_PLUGIN_DEVICE_CALLS_H_
