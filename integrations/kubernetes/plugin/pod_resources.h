// SPDX-License-Identifier: Apache-2.0
// Which pods have which devices of the device plugin, as the kubelet tells (podresources/v1): the
// end of an allocation is told nowhere else. Threading: a pure call.
#ifndef MIGCTL_KUBERNETES_PLUGIN_POD_RESOURCES_H_
#define MIGCTL_KUBERNETES_PLUGIN_POD_RESOURCES_H_

#include <string>
#include <vector>

#include "mig/result.h"

namespace mig::kube {

struct PodDevice {
  std::string name_space, pod, container;
  std::string resource, id;
};

// `socket`: /var/lib/kubelet/pod-resources/kubelet.sock. Errors: kIo: the kubelet does not answer,
// and nothing is known.
Result<std::vector<PodDevice>> pod_devices(const std::string& socket);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_PLUGIN_POD_RESOURCES_H_
