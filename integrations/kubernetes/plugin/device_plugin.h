// SPDX-License-Identifier: Apache-2.0
// The device plugin's side of the kubelet (deviceplugin/v1beta1), for clusters without dynamic
// resource allocation: one socket per resource, kept and registered by a thread of its own. A
// layout change is told at once; a resource that vanishes gets an empty list and then ends; all is
// registered anew when the kubelet makes its socket anew.
//
// Threading: thread-safe; DeviceCalls and Tell are called on other threads. The destructor ends the
// sockets and tells no empty lists: pods that run keep their devices.
#ifndef MIGCTL_KUBERNETES_PLUGIN_DEVICE_PLUGIN_H_
#define MIGCTL_KUBERNETES_PLUGIN_DEVICE_PLUGIN_H_

#include <memory>
#include <string>

#include "mig/result.h"

#include "kubernetes/plugin/device_calls.h"
#include "kubernetes/plugin/tell.h"

namespace mig::kube {

class DevicePlugin {
 public:
  // `folder`: the kubelet's, /var/lib/kubelet/device-plugins. Errors: kConflict when another
  // process serves this node's devices; kIo.
  static Result<std::unique_ptr<DevicePlugin>> start(const std::string& folder,
                                                     DeviceCalls calls,
                                                     Tell tell);
  ~DevicePlugin();
  DevicePlugin(const DevicePlugin&) = delete;
  DevicePlugin& operator=(const DevicePlugin&) = delete;
  DevicePlugin(DevicePlugin&&) = delete;
  DevicePlugin& operator=(DevicePlugin&&) = delete;

  // Resources and their devices from now on.
  void offer(std::map<std::string, std::vector<PluginDevice>> devices);

  // "" = the kubelet knows all resources; else what is missing.
  std::string trouble() const;

  struct Impl;

 private:
  explicit DevicePlugin(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_PLUGIN_DEVICE_PLUGIN_H_
