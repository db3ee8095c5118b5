// SPDX-License-Identifier: Apache-2.0
// The node label flow: what the label nvidia.com/mig.config asks for, of a ConfigMap's config.yaml,
// is made of this node's GPUs by migd, and the label nvidia.com/mig.config.state says how it goes:
// pending, success, failed (never rebooting: a node that needs a reset or a reboot is failed, and
// the annotation mig.migctl.dev/config.message says so). What is decided is in flow.h.
//
// Only what differs moves. Pods are evicted only where they hold what must go, and only where the
// administrator lets them be. A flow is bounded in time and survives this process: what it is about
// is on the Node.
//
// Threading: thread-safe; hooks are called on a thread of its own, one at a time. The destructor
// waits for the step under way.
#ifndef MIGCTL_KUBERNETES_NODE_CONFIG_NODE_CONFIG_H_
#define MIGCTL_KUBERNETES_NODE_CONFIG_NODE_CONFIG_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/plan.h"
#include "mig/result.h"

#include "client/layout.h"
#include "kubernetes/api/client.h"
#include "kubernetes/api/watch.h"
#include "kubernetes/node_config/flow.h"
#include "kubernetes/node_config/gfd_labels.h"
#include "kubernetes/node_config/in_use.h"

namespace mig::kube {

struct NodeConfigSettings {
  std::string node;                        // its name
  std::string name_space;                  // of the ConfigMap
  std::string config_map = "mig-layouts";  // its name
  bool drain = false;                      // as the annotation, for this node always
  bool labels = true;                      // off where gpu-feature-discovery runs
  MigStrategy strategy = MigStrategy::kMixed;
  FlowLimits limits;
  Pace pace;  // of the watches
  // Between two looks at what stands in the way; doubled to ten times that.
  std::chrono::milliseconds look_again{1'000};
  // After news of the machine: a change of its layout brings several, and labels are less urgent
  // than the container that is being started for it.
  std::chrono::milliseconds settle{500};
};

struct NodeConfigHooks {
  std::function<Result<Plan>(const client::WantedLayout&)> plan;
  std::function<Result<wire::ApplyAnswer>(const client::WantedLayout&, const Plan&)> apply;
  std::function<Result<Inventory>()> inventory;  // for the labels
  PodOfProcess pod_of;
  // Places in which no pod is to be placed from now on, replacing those of the last call; empty at
  // the end. A process that starts has told nobody of any.
  std::function<void(const std::vector<Vanishing>&)> withhold;
  std::function<void(const std::string&)> log;  // a line for people
};

// `plan` and `apply` by migd on that socket.
void use_daemon(NodeConfigHooks& hooks, const std::string& socket);

class NodeConfig {
 public:
  // `api` must outlive it.
  NodeConfig(ApiClient& api, NodeConfigSettings settings, NodeConfigHooks hooks);
  ~NodeConfig();
  NodeConfig(const NodeConfig&) = delete;
  NodeConfig& operator=(const NodeConfig&) = delete;
  NodeConfig(NodeConfig&&) = delete;
  NodeConfig& operator=(NodeConfig&&) = delete;

  // The machine may have changed: look once it has settled, and bring the labels up to date.
  void nudge();

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_NODE_CONFIG_NODE_CONFIG_H_
