// SPDX-License-Identifier: Apache-2.0
// Inside of node_config/: one look at the node and one step of its flow. Threading: look() on one
// thread; log() on any.
#ifndef MIGCTL_KUBERNETES_NODE_CONFIG_ROUND_H_
#define MIGCTL_KUBERNETES_NODE_CONFIG_ROUND_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "kubernetes/node_config/node_config.h"
#include "kubernetes/node_config/node_view.h"

namespace mig::kube {

class Round {
 public:
  // When to look again: at news, soon, or at once (a step was done).
  enum class After { kAtRest, kLater, kAtOnce };

  Round(ApiClient& api, const NodeConfigSettings& settings, NodeConfigHooks hooks);

  After look();
  void log(const std::string& line) const;

 private:
  // The node as it is, what its label means now, and whether there is such a config.
  struct Sight {
    Observed seen;
    std::string text;
    Result<void> config;
    std::int64_t now_s = 0;
  };

  Result<Sight> sight();
  After begin(const Sight& sight);
  After go_on(const Sight& sight);
  After verify(const Sight& sight);
  After refuse(const Sight& sight);
  After clear(const Sight& sight);
  After act(const Sight& sight, const Plan& plan);
  After apply(const Sight& sight, const Plan& plan);
  After finish(const Sight& sight, const char* state, const std::string& message);
  After keep_labels(const Sight& sight);
  After judged(const Sight& sight, const Judgement& judgement);
  std::string evict(const InTheWay& in_the_way);
  void tell(const Sight& sight, const std::string& words);
  void event(const Sight& sight, const char* reason, const std::string& message, bool warning);
  void withhold(const std::vector<Vanishing>& places);
  Elapsed elapsed(const Sight& sight) const;
  client::WantedLayout wanted(const Sight& sight) const;
  Result<void> patch_node(const base::Json& patch);

  ApiClient& api_;
  const NodeConfigSettings& settings_;
  const NodeConfigHooks hooks_;
  const std::string node_path_;
  bool verified_ = false;
  std::string refused_;  // told already
  std::string trouble_;  // of the API server, told already
  std::vector<Vanishing> withheld_;
};

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_NODE_CONFIG_ROUND_H_
