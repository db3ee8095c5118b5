// SPDX-License-Identifier: Apache-2.0
// The gRPC services of the DRA driver's socket: DRAPlugin v1 and v1beta1, and health. Threading:
// called on gRPC's threads.
#ifndef MIGCTL_KUBERNETES_PLUGIN_DRA_SERVICE_H_
#define MIGCTL_KUBERNETES_PLUGIN_DRA_SERVICE_H_

#include <atomic>
#include <memory>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "kubernetes/plugin/dra_calls.h"
#include "kubernetes/plugin/health_state.h"
#include "kubernetes/plugin/tell.h"

namespace mig::kube {

// Both versions of DRAPlugin, and DRAResourceHealth. `health` must outlive them.
std::vector<std::unique_ptr<grpc::Service>> dra_services(const DraCalls& calls,
                                                         const HealthState& health,
                                                         const Tell& tell);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_PLUGIN_DRA_SERVICE_H_
