// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/plugin/device_service.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <set>
#include <utility>

#include <fmt/core.h>

#include "base/strings.h"
#include "kubernetes/plugin/socket_server.h"
#include "proto/device_plugin.grpc.pb.h"

namespace mig::kube {
namespace {

constexpr int kMostStreams = 8;
constexpr int kMostContainers = 256;
constexpr int kMostDevices = 4096;
constexpr std::chrono::milliseconds kListLook{500};
constexpr std::chrono::seconds kRegisterPatience{5};

v1beta1::ListAndWatchResponse list_message(const std::vector<PluginDevice>& devices) {
  v1beta1::ListAndWatchResponse message;
  for (const auto& from : devices) {
    auto* to = message.add_devices();
    to->set_id(from.id);
    to->set_health(from.healthy ? "Healthy" : "Unhealthy");
    if (from.numa) {
      to->mutable_topology()->add_nodes()->set_id(*from.numa);
    }
  }
  return message;
}

template <class Texts>
std::vector<std::string> copied(const Texts& texts) {
  return {texts.begin(), texts.end()};
}

class DeviceService final : public v1beta1::DevicePlugin::Service {
 public:
  DeviceService(std::string resource, const DeviceList& devices, DeviceCalls calls)
      : resource_(std::move(resource)), devices_(devices), calls_(std::move(calls)) {}

  grpc::Status GetDevicePluginOptions(grpc::ServerContext* /*context*/,
                                      const v1beta1::Empty* /*request*/,
                                      v1beta1::DevicePluginOptions* options) override {
    options->set_get_preferred_allocation_available(true);
    return grpc::Status::OK;
  }

  grpc::Status ListAndWatch(grpc::ServerContext* context,
                            const v1beta1::Empty* /*request*/,
                            grpc::ServerWriter<v1beta1::ListAndWatchResponse>* stream) override {
    if (++streams_ > kMostStreams) {
      --streams_;
      return {grpc::StatusCode::RESOURCE_EXHAUSTED,
              fmt::format("{} streams of {} are open already", kMostStreams, resource_)};
    }
    std::uint64_t seen = 0;
    while (!context->IsCancelled()) {
      // Asked before the wait: the last list, an empty one, is still told after the end.
      const bool last = devices_.ended();
      const auto news = devices_.wait(seen, kListLook);
      if (news && !stream->Write(list_message(news->value))) {
        break;
      }
      seen = news ? news->version : seen;
      if (last) {
        break;
      }
    }
    --streams_;
    return grpc::Status::OK;
  }

  grpc::Status GetPreferredAllocation(grpc::ServerContext* /*context*/,
                                      const v1beta1::PreferredAllocationRequest* request,
                                      v1beta1::PreferredAllocationResponse* response) override {
    if (request->container_requests_size() > kMostContainers) {
      return too_many();
    }
    for (const auto& container : request->container_requests()) {
      if (container.available_deviceids_size() > kMostDevices || container.allocation_size() < 0) {
        return too_many();
      }
      const auto chosen = guarded<std::vector<std::string>>([&] {
        return calls_.prefer({.available = copied(container.available_deviceids()),
                              .must_include = copied(container.must_include_deviceids()),
                              .size = static_cast<std::size_t>(container.allocation_size())});
      });
      if (!chosen) {
        return status_of(chosen.error());
      }
      auto* answer = response->add_container_responses();
      for (const auto& id : *chosen) {
        answer->add_deviceids(id);
      }
    }
    return grpc::Status::OK;
  }

  grpc::Status Allocate(grpc::ServerContext* /*context*/,
                        const v1beta1::AllocateRequest* request,
                        v1beta1::AllocateResponse* response) override {
    if (request->container_requests_size() > kMostContainers) {
      return too_many();
    }
    std::set<std::string> given;
    for (const auto& container : request->container_requests()) {
      if (container.devices_ids_size() > kMostDevices) {
        return too_many();
      }
      auto devices = known(copied(container.devices_ids()), given);
      if (!devices) {
        return status_of(devices.error());
      }
      const auto granted = guarded<Granted>([&] { return calls_.allocate(resource_, *devices); });
      if (!granted) {
        return status_of(granted.error());
      }
      auto* answer = response->add_container_responses();
      for (const auto& id : granted->cdi_ids) {
        answer->add_cdi_devices()->set_name(id);
      }
      for (const auto& [name, value] : granted->environment) {
        (*answer->mutable_envs())[name] = value;
      }
    }
    return grpc::Status::OK;
  }

  grpc::Status PreStartContainer(grpc::ServerContext* /*context*/,
                                 const v1beta1::PreStartContainerRequest* /*request*/,
                                 v1beta1::PreStartContainerResponse* /*response*/) override {
    return grpc::Status::OK;  // not asked for: GetDevicePluginOptions
  }

 private:
  static grpc::Status too_many() {
    return {grpc::StatusCode::INVALID_ARGUMENT, "too many containers or devices in one request"};
  }

  template <class T>
  static Result<T> guarded(const std::function<Result<T>()>& call) {
    try {
      return call();
    } catch (const std::exception& error) {
      return fail(ErrorCode::kInternal, error.what());
    }
  }

  // The devices of these ids. `given`: those of the request's other containers.
  Result<std::vector<PluginDevice>> known(const std::vector<std::string>& ids,
                                          std::set<std::string>& given) const {
    const auto now = devices_.now();
    std::vector<PluginDevice> found;
    for (const auto& id : ids) {
      const auto cannot = [&](ErrorCode code, std::string_view why) {
        return fail(code,
                    fmt::format("cannot allocate {} of {}: {}", base::quoted(id), resource_, why));
      };
      if (!now) {
        return cannot(ErrorCode::kNotFound, "the devices are not known yet");
      }
      const auto at = std::find_if(now->value.begin(), now->value.end(), [&](const auto& device) {
        return device.id == id;
      });
      if (at == now->value.end()) {
        return cannot(ErrorCode::kNotFound, "there is no such device now");
      }
      if (!at->healthy) {
        return cannot(ErrorCode::kConflict, at->why);
      }
      if (!given.insert(id).second) {
        return cannot(ErrorCode::kInvalidInput, "it is asked for twice");
      }
      found.push_back(*at);
    }
    return found;
  }

  std::string resource_;
  const DeviceList& devices_;
  DeviceCalls calls_;
  std::atomic<int> streams_{0};
};

}  // namespace

std::unique_ptr<grpc::Service> device_service(const std::string& resource,
                                              const DeviceList& devices,
                                              const DeviceCalls& calls) {
  return std::make_unique<DeviceService>(resource, devices, calls);
}

Result<void> register_resource(const std::string& kubelet,
                               const std::string& endpoint,
                               const std::string& resource) {
  grpc::ChannelArguments arguments;
  // A path is no host name, which the kubelet's HTTP/2 server would refuse.
  arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
  // Each kubelet makes its socket anew: no connection of another one is used.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto channel =
      grpc::CreateCustomChannel("unix:" + kubelet, grpc::InsecureChannelCredentials(), arguments);
  const auto stub = v1beta1::Registration::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kRegisterPatience);
  v1beta1::RegisterRequest request;
  request.set_version("v1beta1");
  request.set_endpoint(endpoint);
  request.set_resource_name(resource);
  request.mutable_options()->set_get_preferred_allocation_available(true);
  v1beta1::Empty empty;
  const grpc::Status status = stub->Register(&context, request, &empty);
  if (status.ok()) {
    return {};
  }
  const bool away = status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                    status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
  return fail(away ? ErrorCode::kIo : ErrorCode::kNotSupported,
              fmt::format("{} {} the registration of {}: {}",
                          kubelet,
                          away ? "does not take" : "refuses",
                          resource,
                          base::printable(status.error_message())));
}

}  // namespace mig::kube
