// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/plugin/pod_resources.h"

#include <chrono>

#include <fmt/core.h>
#include <grpcpp/grpcpp.h>

#include "base/strings.h"
#include "proto/pod_resources.grpc.pb.h"

namespace mig::kube {
namespace {

constexpr std::chrono::seconds kListPatience{5};
constexpr int kMostListBytes = 16 << 20;

}  // namespace

Result<std::vector<PodDevice>> pod_devices(const std::string& socket) {
  grpc::ChannelArguments arguments;
  arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(kMostListBytes);
  const auto channel =
      grpc::CreateCustomChannel("unix:" + socket, grpc::InsecureChannelCredentials(), arguments);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kListPatience);
  v1::ListPodResourcesResponse response;
  const grpc::Status status = v1::PodResourcesLister::NewStub(channel)->List(
      &context, v1::ListPodResourcesRequest{}, &response);
  if (!status.ok()) {
    return fail(ErrorCode::kIo,
                fmt::format("the kubelet does not tell on {} which pods have which devices: {}",
                            socket,
                            base::printable(status.error_message())));
  }
  std::vector<PodDevice> found;
  for (const auto& pod : response.pod_resources()) {
    for (const auto& container : pod.containers()) {
      for (const auto& devices : container.devices()) {
        for (const auto& id : devices.device_ids()) {
          found.push_back(
              {pod.namespace_(), pod.name(), container.name(), devices.resource_name(), id});
        }
      }
    }
  }
  return found;
}

}  // namespace mig::kube
