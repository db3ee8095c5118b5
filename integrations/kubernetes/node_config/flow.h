// SPDX-License-Identifier: Apache-2.0
// The node label flow as pure transitions. All that it remembers is on the Node object, so that a
// process that starts anew goes on; there is one step to go on with at any time: plan. What a plan
// shows decides what comes next.
//
//   (label set) -> pending -> plan -> empty: success
//                               ^  -> free: apply -> plan
//                               |  -> in use: evict or wait -> plan
//                               +------ until a limit: failed, with the reason
//
// Threading: pure functions.
#ifndef MIGCTL_KUBERNETES_NODE_CONFIG_FLOW_H_
#define MIGCTL_KUBERNETES_NODE_CONFIG_FLOW_H_

#include <cstdint>
#include <string>
#include <vector>

#include "mig/plan.h"

#include "kubernetes/node_config/node_view.h"

namespace mig::kube {

enum class Next {
  kRest,    // nothing to do
  kClear,   // the label is gone: so goes what we wrote
  kRefuse,  // somebody else acts on the label
  kBegin,   // another wish: pending
  kGoOn,    // pending: plan
  kVerify,  // success, as far as is known: look whether it still is
};

struct Observed {
  NodeView node;
  std::string wish;          // of the label and the ConfigMap now
  bool mig_manager = false;  // a pod of NVIDIA's mig-manager is on the node
  bool verified = false;     // a success was looked at since this process began
};

Next next_of(const Observed& seen);
// Why kRefuse, and what to do.
std::string refusal_of(const Observed& seen);

// A pod that holds what must go.
struct PodRef {
  std::string name_space, name, uid;
  bool leaving = false;  // it is being deleted, or gone but for its lease
  bool fixed = false;    // a static pod: only the node's administrator ends it
  friend bool operator==(const PodRef&, const PodRef&) = default;
};

// Who stands in the way of a plan.
struct InTheWay {
  std::vector<PodRef> pods;
  std::vector<std::string> others;   // no pod: words about each
  std::vector<std::string> leaving;  // leases of claims that no pod has any more
};

struct FlowLimits {
  std::int64_t drain_s = 300;  // that pods may take to go
  std::int64_t whole_s = 900;  // of a flow, migd's absence included
};

enum class Verdict { kDone, kApply, kEvict, kWait, kFail };

struct Judgement {
  Verdict verdict = Verdict::kWait;
  std::string message;  // for the annotation
};

struct Elapsed {
  std::int64_t since_begin_s = 0;
  bool drain_allowed = false;
};

Judgement judge(const Plan& plan,
                const InTheWay& in_the_way,
                const Elapsed& elapsed,
                const FlowLimits& limits);
// Of a failure of migd, in planning or applying: what passes is waited for.
Judgement judge(const Error& error, const Elapsed& elapsed, const FlowLimits& limits);

// What a plan takes from a GPU, and where it makes something: no pod may be placed there.
struct Vanishing {
  std::string gpu_uuid;
  Placement placement;
  friend bool operator==(const Vanishing&, const Vanishing&) = default;
};

std::vector<Vanishing> vanishing_of(const Plan& plan);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_NODE_CONFIG_FLOW_H_
