// SPDX-License-Identifier: Apache-2.0
// The DRA driver's side of the kubelet: its sockets, kept there by a thread of its own. The kubelet
// finds the socket in its registry folder, also after its own restart; a socket that somebody
// removed is made anew, a refused registration is tried again.
//
// Pods that run are not affected by the end of any of it: the kubelet calls again later.
//
// Threading: DraCalls and Tell are called on other threads; the destructor waits for calls that
// run, for 3 s at most.
#ifndef MIGCTL_KUBERNETES_PLUGIN_DRA_PLUGIN_H_
#define MIGCTL_KUBERNETES_PLUGIN_DRA_PLUGIN_H_

#include <memory>
#include <string>

#include "mig/result.h"

#include "kubernetes/plugin/dra_calls.h"
#include "kubernetes/plugin/health_state.h"
#include "kubernetes/plugin/tell.h"

namespace mig::kube {

struct DraPlaces {
  std::string driver;           // "mig.migctl.dev"
  std::string plugin_folder;    // of this driver: /var/lib/kubelet/plugins/<driver>
  std::string registry_folder;  // of the kubelet: /var/lib/kubelet/plugins_registry
};

class DraPlugin {
 public:
  // Errors: kConflict when another process has the sockets (two components on one node); kIo.
  // `health` must outlive the plugin.
  static Result<std::unique_ptr<DraPlugin>> start(DraPlaces places,
                                                  const DraCalls& calls,
                                                  HealthState& health,
                                                  Tell tell);
  ~DraPlugin();
  DraPlugin(const DraPlugin&) = delete;
  DraPlugin& operator=(const DraPlugin&) = delete;
  DraPlugin(DraPlugin&&) = delete;
  DraPlugin& operator=(DraPlugin&&) = delete;

  // "" = the kubelet knows us and can reach us; else why not.
  std::string trouble() const;

  struct Impl;

 private:
  explicit DraPlugin(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_PLUGIN_DRA_PLUGIN_H_
