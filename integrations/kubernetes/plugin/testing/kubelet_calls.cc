// SPDX-License-Identifier: Apache-2.0
// For tests in Python: a kubelet's calls of the DRA driver or of the device plugin, one per run of
// this program.
//
//   kubelet_calls register REG_SOCKET            asks and tells "registered"; prints the answer
//   kubelet_calls prepare DRA_SOCKET NS/NAME/UID...
//   kubelet_calls unprepare DRA_SOCKET NS/NAME/UID...
//   kubelet_calls devices PLUGIN_SOCKET          the first list of ListAndWatch: health by id
//   kubelet_calls allocate PLUGIN_SOCKET ID...   for one container
//   kubelet_calls listen KUBELET_SOCKET          prints each registration, until its input ends
//
// Prints one JSON object, `listen` one for each registration. Exit code 1: the call failed as a
// whole; its words are on standard error.
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "base/json.h"
#include "base/strings.h"
#include "kubernetes/plugin/test_channel.h"
#include "proto/device_plugin.grpc.pb.h"
#include "proto/dra_v1.grpc.pb.h"
#include "proto/plugin_registration.grpc.pb.h"

namespace {

namespace dra = ::k8s::io::kubelet::pkg::apis::dra::v1;
using mig::base::Json;

constexpr std::chrono::seconds kPatience{45};  // the kubelet's own

int end(const grpc::Status& status, const Json& answer) {
  if (!status.ok()) {
    std::fprintf(stderr, "%d %s\n", status.error_code(), status.error_message().c_str());
    return 1;
  }
  std::printf("%s\n", answer.dump().c_str());
  return 0;
}

template <class Request>
Request request_of(const std::vector<std::string>& claims) {
  Request request;
  for (const auto& text : claims) {
    const auto parts = mig::base::split(text, '/');
    auto* claim = request.add_claims();
    claim->set_namespace_(parts.at(0));
    claim->set_name(parts.at(1));
    claim->set_uid(parts.at(2));
  }
  return request;
}

int register_driver(const std::string& socket) {
  const auto stub = pluginregistration::Registration::NewStub(mig::kube::channel_to(socket));
  grpc::ClientContext first;
  grpc::ClientContext second;
  first.set_deadline(std::chrono::system_clock::now() + kPatience);
  second.set_deadline(std::chrono::system_clock::now() + kPatience);
  pluginregistration::PluginInfo info;
  grpc::Status status = stub->GetInfo(&first, {}, &info);
  if (status.ok()) {
    pluginregistration::RegistrationStatus registered;
    registered.set_plugin_registered(true);
    pluginregistration::RegistrationStatusResponse answer;
    status = stub->NotifyRegistrationStatus(&second, registered, &answer);
  }
  return end(status, {{"name", info.name()}, {"endpoint", info.endpoint()}});
}

int prepare(const std::string& socket, const std::vector<std::string>& claims) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  dra::NodePrepareResourcesResponse response;
  const auto status =
      dra::DRAPlugin::NewStub(mig::kube::channel_to(socket))
          ->NodePrepareResources(
              &context, request_of<dra::NodePrepareResourcesRequest>(claims), &response);
  Json answer = Json::object();
  for (const auto& [uid, claim] : response.claims()) {
    Json devices = Json::array();
    for (const auto& device : claim.devices()) {
      devices.push_back({{"device", device.device_name()},
                         {"cdi",
                          std::vector<std::string>(device.cdi_device_ids().begin(),
                                                   device.cdi_device_ids().end())}});
    }
    answer[uid] = {{"error", claim.error()}, {"devices", devices}};
  }
  return end(status, answer);
}

int unprepare(const std::string& socket, const std::vector<std::string>& claims) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  dra::NodeUnprepareResourcesResponse response;
  const auto status =
      dra::DRAPlugin::NewStub(mig::kube::channel_to(socket))
          ->NodeUnprepareResources(
              &context, request_of<dra::NodeUnprepareResourcesRequest>(claims), &response);
  Json answer = Json::object();
  for (const auto& [uid, claim] : response.claims()) {
    answer[uid] = {{"error", claim.error()}};
  }
  return end(status, answer);
}

int devices(const std::string& socket) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  const auto stub = v1beta1::DevicePlugin::NewStub(mig::kube::channel_to(socket));
  const auto stream = stub->ListAndWatch(&context, {});
  v1beta1::ListAndWatchResponse list;
  if (!stream->Read(&list)) {
    return end(stream->Finish(), {});
  }
  context.TryCancel();
  Json answer = Json::object();
  for (const auto& device : list.devices()) {
    answer[device.id()] = device.health();
  }
  return end(grpc::Status::OK, answer);
}

int allocate(const std::string& socket, const std::vector<std::string>& ids) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  v1beta1::AllocateRequest request;
  auto* container = request.add_container_requests();
  for (const auto& id : ids) {
    container->add_devices_ids(id);
  }
  v1beta1::AllocateResponse response;
  const auto status = v1beta1::DevicePlugin::NewStub(mig::kube::channel_to(socket))
                          ->Allocate(&context, request, &response);
  Json answer = {{"cdi", Json::array()}, {"environment", Json::object()}};
  for (const auto& given : response.container_responses()) {
    for (const auto& device : given.cdi_devices()) {
      answer["cdi"].push_back(device.name());
    }
    for (const auto& [name, value] : given.envs()) {
      answer["environment"][name] = value;
    }
  }
  return end(status, answer);
}

class Kubelet final : public v1beta1::Registration::Service {
 public:
  grpc::Status Register(grpc::ServerContext* /*context*/,
                        const v1beta1::RegisterRequest* request,
                        v1beta1::Empty* /*answer*/) override {
    const Json told = {{"resource", request->resource_name()}, {"endpoint", request->endpoint()}};
    std::printf("%s\n", told.dump().c_str());
    std::fflush(stdout);
    return grpc::Status::OK;
  }
};

int listen(const std::string& socket) {
  Kubelet kubelet;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix:" + socket, grpc::InsecureServerCredentials());
  builder.RegisterService(&kubelet);
  const auto server = builder.BuildAndStart();
  if (!server) {
    return 1;
  }
  while (std::getchar() != EOF) {
  }
  server->Shutdown(std::chrono::system_clock::now());
  return 0;
}

}  // namespace

// A program of the tests: one that throws ends, as it should.
int main(int argc, char** argv) {  // NOLINT(bugprone-exception-escape)
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() < 2) {
    return 2;
  }
  const std::vector<std::string> more(words.begin() + 2, words.end());
  if (words[0] == "register") {
    return register_driver(words[1]);
  }
  if (words[0] == "prepare") {
    return prepare(words[1], more);
  }
  if (words[0] == "unprepare") {
    return unprepare(words[1], more);
  }
  if (words[0] == "devices") {
    return devices(words[1]);
  }
  if (words[0] == "allocate") {
    return allocate(words[1], more);
  }
  return words[0] == "listen" ? listen(words[1]) : 2;
}
