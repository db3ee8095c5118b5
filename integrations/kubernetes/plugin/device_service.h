// SPDX-License-Identifier: Apache-2.0
// The gRPC service of one resource of the device plugin, and its registration with the kubelet.
// Threading: called on gRPC's threads.
#ifndef MIGCTL_KUBERNETES_PLUGIN_DEVICE_SERVICE_H_
#define MIGCTL_KUBERNETES_PLUGIN_DEVICE_SERVICE_H_

#include <memory>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "mig/result.h"

#include "kubernetes/plugin/device_calls.h"
#include "kubernetes/plugin/latest.h"

namespace mig::kube {

using DeviceList = Latest<std::vector<PluginDevice>>;

// `devices` must outlive the service.
std::unique_ptr<grpc::Service> device_service(const std::string& resource,
                                              const DeviceList& devices,
                                              const DeviceCalls& calls);

// Tells the kubelet of a resource. `kubelet`: its socket; `endpoint`: name of ours beside it.
// Errors: kIo when it cannot be reached; kNotSupported in its own words when it refuses.
Result<void> register_resource(const std::string& kubelet,
                               const std::string& endpoint,
                               const std::string& resource);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_PLUGIN_DEVICE_SERVICE_H_
