// SPDX-License-Identifier: Apache-2.0
// Who stands in the way of a plan, as pods: a lease of a claim leads to the claim, and that to the
// pods that have it reserved; a process leads to its pod by its cgroup.
//
// Threading: calls block as ApiClient's do.
#ifndef MIGCTL_KUBERNETES_NODE_CONFIG_IN_USE_H_
#define MIGCTL_KUBERNETES_NODE_CONFIG_IN_USE_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "mig/plan.h"
#include "mig/result.h"

#include "kubernetes/api/client.h"
#include "kubernetes/node_config/flow.h"

namespace mig::kube {

// Uid of the pod that a process is in; "" = of none, or not known.
using PodOfProcess = std::function<std::string(std::uint32_t pid)>;

// By /proc/PID/cgroup below `proc`; needs the host's process ids.
PodOfProcess pod_of_process(std::string proc = "/proc");
// "kubepods-besteffort-pod1b2c_....slice" and "/kubepods/burstable/pod1b2c-..." -> the uid.
std::string pod_uid_of_cgroup(std::string_view text);

// "team/train" -> namespace and name of the claim; nullopt for another job.
std::optional<std::pair<std::string, std::string>> claim_of_job(const std::string& job);

// An error is the API server's, and passes.
Result<InTheWay> in_the_way(ApiClient& api,
                            const std::string& node,
                            const Plan& plan,
                            const PodOfProcess& pod_of);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_NODE_CONFIG_IN_USE_H_
