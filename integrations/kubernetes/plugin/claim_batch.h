// SPDX-License-Identifier: Apache-2.0
// The claims of one request of the kubelet, handled side by side: each gets an answer of its own,
// whatever becomes of the others.
#ifndef MIGCTL_KUBERNETES_PLUGIN_CLAIM_BATCH_H_
#define MIGCTL_KUBERNETES_PLUGIN_CLAIM_BATCH_H_

#include <chrono>
#include <functional>
#include <optional>
#include <vector>

#include "mig/result.h"

#include "kubernetes/objects/allocation.h"

namespace mig::kube {

inline constexpr std::size_t kMostClaimsOfRequest = 512;

// Errors: kInvalidInput for a namespace, name or uid that no Kubernetes object can have. They
// become parts of paths and of a checkpoint.
Result<void> check_claim(const ClaimRef& claim);

// Calls `one` for each claim that check_claim() accepts, several at a time, and returns what became
// of each, in order. A claim whose turn comes after `deadline` fails with kTimeout, unhandled. An
// exception becomes kInternal.
std::vector<std::optional<Error>> for_each_claim(
    const std::vector<ClaimRef>& claims,
    std::chrono::system_clock::time_point deadline,
    const std::function<Result<void>(std::size_t index)>& one);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_PLUGIN_CLAIM_BATCH_H_
