// SPDX-License-Identifier: Apache-2.0
// For tests: a node of a fake API server, with the flow's labels and its ConfigMap.
#ifndef MIGCTL_KUBERNETES_NODE_CONFIG_TEST_NODE_H_
#define MIGCTL_KUBERNETES_NODE_CONFIG_TEST_NODE_H_

#include <string>

#include "kubernetes/api/test_fake_api.h"
#include "kubernetes/node_config/names.h"
#include "kubernetes/node_config/node_config.h"

namespace mig::kube {

inline constexpr const char* kTestNode = "/api/v1/nodes/n1";
inline constexpr const char* kTestConfigMap = "/api/v1/namespaces/gpu/configmaps/mig-config";

class TestNode {
 public:
  explicit TestNode(const std::string& config) {
    fake_.put(kTestNode, {{"metadata", Json::object()}});
    set_config(config);
  }

  FakeApi& fake() { return fake_; }

  ApiClient& api() { return *api_; }

  void set_config(const std::string& text) {
    fake_.put(kTestConfigMap, {{"data", {{"config.yaml", text}}}});
  }

  // null removes it. By another program than ours.
  void set_label(const std::string& name, const Json& value) {
    Json node = this->node();
    node["metadata"]["labels"].merge_patch({{name, value}});
    fake_.put(kTestNode, node);
  }

  void annotate(const std::string& name, const Json& value) {
    Json node = this->node();
    node["metadata"]["annotations"].merge_patch({{name, value}});
    fake_.put(kTestNode, node);
  }

  void want(const std::string& config) { set_label(kConfigLabel, config); }

  void put_pod(const std::string& name, const std::string& uid, const Json& labels = {}) {
    fake_.put("/api/v1/namespaces/x/pods/" + name,
              {{"metadata", {{"uid", uid}, {"labels", labels}}}, {"spec", {{"nodeName", "n1"}}}});
  }

  Json node() { return fake_.ask({{"get", kTestNode}}); }

  std::string label(const std::string& name) { return text("labels", name); }

  std::string annotation(const std::string& name) { return text("annotations", name); }

  std::string state() { return label(kStateLabel); }

  std::string message() { return annotation(kMessageAnnotation); }

  bool reaches(const std::string& wanted) {
    const bool there = becomes([&] { return state() == wanted; });
    EXPECT_TRUE(there) << state() << ": " << message();
    return there;
  }

  // Reasons of the Events, in order.
  std::string events() {
    const auto all = api_->list("/api/v1/namespaces/default/events", "");
    std::string out;
    for (const Json& event : all ? all->at("items") : Json::array()) {
      out += event["reason"].get<std::string>() + " ";
    }
    return out;
  }

  NodeConfigSettings settings() {
    NodeConfigSettings out;
    out.node = "n1";
    out.name_space = "gpu";
    out.config_map = "mig-config";
    out.look_again = std::chrono::milliseconds(5);
    out.pace.first_pause = std::chrono::milliseconds(5);
    out.pace.longest_pause = std::chrono::milliseconds(20);
    return out;
  }

 private:
  std::string text(const char* where, const std::string& name) {
    const Json node = this->node();
    const Json& all = node["metadata"].contains(where) ? node["metadata"][where] : Json::object();
    return all.contains(name) ? all[name].get<std::string>() : std::string();
  }

  FakeApi fake_{false};
  std::unique_ptr<ApiClient> api_ = fake_.client();
};

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_NODE_CONFIG_TEST_NODE_H_
