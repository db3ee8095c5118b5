// SPDX-License-Identifier: Apache-2.0
// What the DRA services do, as functions: the services know of sockets and messages only.
#ifndef MIGCTL_KUBERNETES_PLUGIN_DRA_CALLS_H_
#define MIGCTL_KUBERNETES_PLUGIN_DRA_CALLS_H_

#include <functional>
#include <vector>

#include "mig/result.h"

#include "kubernetes/objects/allocation.h"

namespace mig::kube {

// Called on gRPC's threads, several at a time; idempotent.
struct DraCalls {
  std::function<Result<std::vector<PreparedDevice>>(const ClaimRef&)> prepare;
  std::function<Result<void>(const ClaimRef&)> unprepare;
};

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_PLUGIN_DRA_CALLS_H_
