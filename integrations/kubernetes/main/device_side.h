// SPDX-License-Identifier: Apache-2.0
// The program with the older interface (--mode device-plugin): what exists on the machine is
// offered, leased in migd while a pod has it, and given back when the kubelet lists no such pod.
// Threading: thread-safe.
#ifndef MIGCTL_KUBERNETES_MAIN_DEVICE_SIDE_H_
#define MIGCTL_KUBERNETES_MAIN_DEVICE_SIDE_H_

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "mig/result.h"

#include "kubernetes/main/log.h"
#include "kubernetes/main/machine_watch.h"
#include "kubernetes/main/pod_leases.h"
#include "kubernetes/main/settings.h"
#include "kubernetes/main/stop.h"
#include "kubernetes/main/xid_watch.h"
#include "kubernetes/plugin/device_plugin.h"

namespace mig::kube {

// Why an instance or a GPU must not be given to a pod now: somebody else's lease or process.
// `of_pods`: ids that pods have. "" = it may. Pure.
std::string not_for_pods(const MachineState& state,
                         const std::set<std::string>& of_pods,
                         const std::string& id);

class DeviceSide {
 public:
  // `log` and `stop` must outlive it.
  static Result<std::unique_ptr<DeviceSide>> start(const Settings& settings,
                                                   Log& log,
                                                   const Stop& stop);
  ~DeviceSide();
  DeviceSide(const DeviceSide&) = delete;
  DeviceSide& operator=(const DeviceSide&) = delete;
  DeviceSide(DeviceSide&&) = delete;
  DeviceSide& operator=(DeviceSide&&) = delete;

  void see(const std::shared_ptr<const MachineState>& state);

  // An Event document of migd, and what follows a gap in them: what they tell is offered with the
  // next reading of the machine.
  void event(const base::Json& event) { xids_->event(event); }

  void reset() { xids_->reset(migd_); }

  // The node's annotation ends Xids from now on. `api` must outlive it.
  void watch_node(ApiClient& api);
  // "" = the kubelet can use the devices.
  std::string trouble() const;

 private:
  DeviceSide(const Settings& settings, Log& log, const Stop& stop);
  Result<Granted> allocate(const std::string& resource, const std::vector<PluginDevice>& devices);
  Result<std::string> take(const std::string& resource, const PluginDevice& device);
  void offer();
  void keep_leases();

  const Settings settings_;
  Log& log_;
  const Stop& stop_;
  const client::Instances migd_;
  std::unique_ptr<XidWatch> xids_;
  PodLeases leases_;
  mutable std::mutex mutex_;
  std::shared_ptr<const MachineState> state_;  // nullptr = not read yet
  std::set<std::string> of_pods_;              // leased for pods or listed by the kubelet
  std::string strategy_trouble_;
  std::unique_ptr<DevicePlugin> plugin_;
  std::jthread keeper_;
};

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_MAIN_DEVICE_SIDE_H_
