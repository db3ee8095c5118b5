// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/node_config/flow.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/strings.h"
#include "kubernetes/node_config/names.h"

namespace mig::kube {
namespace {

constexpr std::size_t kNamesShown = 5;

bool of_somebody_else(const NodeView& node) {
  return !node.written.empty() && !node.state.empty() && node.state != node.written &&
         !node.state_manager.empty() && node.state_manager != kManager;
}

std::string names(const std::vector<PodRef>& pods) {
  std::vector<std::string> out;
  for (const PodRef& pod : pods) {
    if (out.size() == kNamesShown) {
      out.push_back(fmt::format("and {} more", pods.size() - kNamesShown));
      break;
    }
    out.push_back(fmt::format("{}/{}", pod.name_space, pod.name));
  }
  return base::join(out, ", ");
}

bool any_stays(const std::vector<PodRef>& pods) {
  return std::any_of(pods.begin(), pods.end(), [](const PodRef& pod) { return !pod.leaving; });
}

}  // namespace

Next next_of(const Observed& seen) {
  const NodeView& node = seen.node;
  if (node.wanted.empty()) {
    // A state that we did not write is not ours to remove.
    return node.written.empty() ? Next::kRest : Next::kClear;
  }
  if (seen.mig_manager || of_somebody_else(node)) {
    return Next::kRefuse;
  }
  if (node.written == kSuccess && node.state == kSuccess && wanted_of(node.wish) == node.wanted) {
    // A ConfigMap that is changed under a node that is done changes nothing by itself: its editor
    // may mean another node. The label, set anew, does.
    return seen.verified || !same_layout_wish(node.wish, seen.wish) ? Next::kRest : Next::kVerify;
  }
  if (node.wish != seen.wish || node.written.empty() || node.state != node.written) {
    return Next::kBegin;
  }
  return node.written == kPending ? Next::kGoOn : Next::kRest;
}

std::string refusal_of(const Observed& seen) {
  if (seen.mig_manager) {
    return "NVIDIA's mig-manager runs on this node and acts on the label nvidia.com/mig.config "
           "too; "
           "nothing is done. Switch one of them off: migManager.enabled=false in the GPU "
           "Operator's "
           "values, or mig-kubelet's node configuration";
  }
  return fmt::format(
      "the label {} was {} and is {}, written by {}: somebody else acts on it too; nothing is "
      "done. "
      "Switch one of them off, then remove the label {}",
      kStateLabel,
      seen.node.written,
      base::quoted(seen.node.state),
      base::quoted(seen.node.state_manager),
      kStateLabel);
}

Judgement judge(const Plan& plan,
                const InTheWay& in_the_way,
                const Elapsed& elapsed,
                const FlowLimits& limits) {
  if (plan.empty()) {
    return {Verdict::kDone, {}};
  }
  if (!plan.blocked() && elapsed.since_begin_s >= limits.whole_s) {
    return {Verdict::kFail,
            fmt::format("gave up after {} s: the machine keeps becoming another one",
                        elapsed.since_begin_s)};
  }
  if (!plan.blocked()) {
    return {Verdict::kApply, fmt::format("applying {}", base::counted(plan.steps.size(), "step"))};
  }
  if (!in_the_way.others.empty()) {
    return {Verdict::kFail,
            fmt::format("in use by what is no pod: {}. End it, then set the label anew",
                        base::join(in_the_way.others, "; "))};
  }
  std::vector<PodRef> fixed = in_the_way.pods;
  std::erase_if(fixed, [](const PodRef& pod) { return !pod.fixed; });
  if (!fixed.empty()) {
    return {Verdict::kFail,
            fmt::format("in use by static pods, which cannot be evicted: {}", names(fixed))};
  }
  const bool stays = any_stays(in_the_way.pods);
  if (stays && !elapsed.drain_allowed) {
    return {
        Verdict::kFail,
        fmt::format("in use by {}; the annotation {}: \"true\" lets them be evicted, or end them "
                    "and set the label anew",
                    names(in_the_way.pods),
                    kDrainAnnotation)};
  }
  if (elapsed.since_begin_s >= limits.drain_s) {
    return {Verdict::kFail,
            fmt::format("still in use after {} s by {}",
                        elapsed.since_begin_s,
                        in_the_way.pods.empty() ? base::join(in_the_way.leaving, ", ")
                                                : names(in_the_way.pods))};
  }
  if (stays) {
    return {Verdict::kEvict, fmt::format("evicting {}", names(in_the_way.pods))};
  }
  return {Verdict::kWait,
          fmt::format("waiting for the end of {}",
                      in_the_way.pods.empty() ? base::join(in_the_way.leaving, ", ")
                                              : names(in_the_way.pods))};
}

Judgement judge(const Error& error, const Elapsed& elapsed, const FlowLimits& limits) {
  switch (error.code) {
    case ErrorCode::kNotFound:  // nobody listens on migd's socket
    case ErrorCode::kConflict:  // the machine changed, or another change is under way
    case ErrorCode::kInUse:     // somebody came in between: the next plan says who
    case ErrorCode::kTimeout:
    case ErrorCode::kIo:
      break;
    default:
      return {Verdict::kFail,
              error.hint.empty() ? error.text() : fmt::format("{}. {}", error.text(), error.hint)};
  }
  if (elapsed.since_begin_s >= limits.whole_s) {
    return {Verdict::kFail,
            fmt::format("gave up after {} s: {}", elapsed.since_begin_s, error.text())};
  }
  return {Verdict::kWait, error.text()};
}

std::vector<Vanishing> vanishing_of(const Plan& plan) {
  std::vector<Vanishing> out;
  for (const GpuPlan& gpu : plan.gpus) {
    if (gpu.before.mode != gpu.after.mode) {
      out.push_back({gpu.uuid, {0, std::max(gpu.before.memory_slices, gpu.after.memory_slices)}});
      continue;
    }
    for (const auto* cells : {&gpu.destroyed, &gpu.created}) {
      for (const LayoutCell& cell : *cells) {
        out.push_back({gpu.uuid, cell.placement});
      }
    }
  }
  return out;
}

}  // namespace mig::kube
