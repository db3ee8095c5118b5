// SPDX-License-Identifier: Apache-2.0
// The node's Xids, for whichever interface the program serves: noted from migd's events and
// samples, kept in a file over restarts, ended by an administrator's annotation of the Node.
//
// Threading: thread-safe; the destructor waits for a callback under way.
#ifndef MIGCTL_KUBERNETES_MAIN_XID_WATCH_H_
#define MIGCTL_KUBERNETES_MAIN_XID_WATCH_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "base/json.h"
#include "client/instances.h"
#include "kubernetes/api/client.h"
#include "kubernetes/api/watch.h"
#include "kubernetes/main/log.h"
#include "kubernetes/main/settings.h"
#include "kubernetes/publish/health.h"

namespace mig::kube {

HealthSettings health_settings(const Settings& settings);

// `settings` without the boot id, which is read.
Result<std::unique_ptr<Health>> open_health(HealthSettings settings, Log& log);

// Why an instance, or the GPU as a whole (nullptr), is ill: "Xid 94". "" = it is well. Pure.
std::string illness(const Gpu& gpu,
                    const GpuInstance* instance,
                    const std::map<std::string, std::vector<Taint>>& taints);

class XidWatch {
 public:
  // `log` must outlive it.
  static Result<std::unique_ptr<XidWatch>> open(HealthSettings settings, Log& log);

  // From now on the annotation counts. `api` must outlive it; `on_cleared` is called on a thread of
  // its own when something was cleared.
  void watch_node(ApiClient& api, const std::string& node, std::function<void()> on_cleared);
  void end();  // no callback after this

  // An Event document of migd, and what follows a gap in them.
  void event(const base::Json& event);
  void reset(const client::Instances& migd);

  // By name of device, as they are now.
  std::map<std::string, std::vector<Taint>> taints(const Inventory& now);

 private:
  XidWatch(std::unique_ptr<Health> health, Log& log) : health_(std::move(health)), log_(log) {}

  std::unique_ptr<Health> health_;
  Log& log_;
  std::unique_ptr<Watcher> node_;
};

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_MAIN_XID_WATCH_H_
