// SPDX-License-Identifier: Apache-2.0
// For tests of this room: a client's connection, as the kubelet makes it.
#ifndef MIGCTL_KUBERNETES_PLUGIN_TEST_CHANNEL_H_
#define MIGCTL_KUBERNETES_PLUGIN_TEST_CHANNEL_H_

#include <memory>
#include <string>

#include <grpcpp/grpcpp.h>

namespace mig::kube {

inline std::shared_ptr<grpc::Channel> channel_to(const std::string& socket) {
  grpc::ChannelArguments arguments;
  arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel("unix:" + socket, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_PLUGIN_TEST_CHANNEL_H_
