// SPDX-License-Identifier: Apache-2.0
// What the flow reads of a Node object, and what it writes to it. Threading: pure functions.
#ifndef MIGCTL_KUBERNETES_NODE_CONFIG_NODE_VIEW_H_
#define MIGCTL_KUBERNETES_NODE_CONFIG_NODE_VIEW_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"

namespace mig::kube {

// "" and empty = not there.
struct NodeView {
  std::string name, uid;
  std::string wanted, state;  // labels
  std::string state_manager;  // who wrote the label last, by managedFields
  bool drain = false;
  std::string wish, written, message;  // annotations of ours
  std::int64_t since_s = 0;            // 1970; of a text that is no number: 0
  std::vector<std::string> our_labels;
  std::map<std::string, std::string> labels;
};

NodeView node_view(const base::Json& node);

// "name@hash of the ConfigMap's text, and of whether pods may be evicted": a failed wish is tried
// again when it becomes another one.
std::string wish_of(const std::string& wanted, const std::string& config_text, bool drain);
// The config that the wish is about.
std::string wanted_of(const std::string& wish);
// Wishes that differ at most in whether pods may be evicted.
bool same_layout_wish(const std::string& a, const std::string& b);

// State, message and wish in one merge patch.
struct NodeNote {
  std::string state, wish, message;
  std::int64_t since_s = 0;
};

// A message as it is kept: one line, of limited length.
std::string note_text(const std::string& message);
base::Json note_patch(const NodeNote& note);
// Removes all that is ours, but for the labels of what the node has.
base::Json clear_patch();
// Adds to `patch` the labels that differ, and the removal of what we made once and is not there any
// more. False: nothing differs.
bool add_labels(const NodeView& node,
                const std::map<std::string, std::string>& labels,
                base::Json& patch);

// An Event of the node (core/v1).
base::Json node_event(const NodeView& node,
                      const std::string& reason,
                      const std::string& message,
                      bool warning,
                      std::int64_t now_s);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_NODE_CONFIG_NODE_VIEW_H_
