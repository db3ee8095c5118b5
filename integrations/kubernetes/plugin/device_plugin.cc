// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/plugin/device_plugin.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/core.h>
#include <grpcpp/impl/service_type.h>

#include "base/strings.h"
#include "kubernetes/plugin/device_service.h"
#include "kubernetes/plugin/folder_watch.h"
#include "kubernetes/plugin/socket_server.h"

namespace mig::kube {
namespace {

constexpr std::chrono::milliseconds kDeviceLook{1000};
constexpr std::chrono::seconds kRetryRegister{5};
constexpr const char* kNotKnown = "no devices are known yet";

std::string endpoint_of(const std::string& resource) {
  std::string name = resource;
  std::replace(name.begin(), name.end(), '/', '_');
  return fmt::format("mig-kubelet-{}.sock", name);
}

}  // namespace

struct DevicePlugin::Impl {
  // One resource while it is offered.
  struct Served {
    DeviceList devices;
    std::unique_ptr<grpc::Service> service;
    std::unique_ptr<SocketServer> server;
    FileIdentity registered_with;  // the kubelet's socket then; none = not registered
    std::string trouble;
    std::optional<std::chrono::steady_clock::time_point> tried;

    Served() = default;

    ~Served() {
      devices.end();
      server.reset();
    }

    Served(const Served&) = delete;
    Served& operator=(const Served&) = delete;
    Served(Served&&) = delete;
    Served& operator=(Served&&) = delete;
  };

  Impl(std::string where, DeviceCalls what, Tell log)
      : folder(std::move(where)), calls(std::move(what)), tell(std::move(log)), watch({folder}) {}

  std::string kubelet() const { return folder + "/kubelet.sock"; }

  void keep() {
    while (!stopping) {
      apply_offer();
      std::string now = known ? "" : kNotKnown;
      for (auto& [resource, served] : all) {
        mend(resource, *served);
        if (!served->trouble.empty()) {
          now = served->trouble;
        }
      }
      {
        const std::lock_guard guard(mutex);
        if (!offered) {  // else this is about what was offered before
          trouble = now;
        }
      }
      watch.wait(kDeviceLook);
    }
  }

  // What is offered since the last look: new lists, new resources, resources that are gone.
  void apply_offer() {
    std::optional<std::map<std::string, std::vector<PluginDevice>>> news;
    {
      const std::lock_guard guard(mutex);
      news.swap(offered);
    }
    if (!news) {
      return;
    }
    known = true;
    for (auto it = all.begin(); it != all.end();) {
      if (news->count(it->first) > 0) {
        ++it;
        continue;
      }
      tell(Weight::kInfo, fmt::format("{} is not offered any more", it->first));
      it->second->devices.set({});
      it = all.erase(it);
    }
    for (auto& [resource, devices] : *news) {
      auto& served = all[resource];
      if (!served) {
        served = std::make_unique<Served>();
        served->service = device_service(resource, served->devices, calls);
      }
      const auto healthy = std::count_if(
          devices.begin(), devices.end(), [](const auto& device) { return device.healthy; });
      const auto count = devices.size();
      if (served->devices.set(std::move(devices))) {
        tell(Weight::kInfo,
             fmt::format("{}: {}, {} healthy", resource, base::counted(count, "device"), healthy));
      }
    }
  }

  // Serves and registers the resource where it is not.
  void mend(const std::string& resource, Served& served) {
    if (!served.server || !served.server->reachable()) {
      served.server.reset();
      served.registered_with = {};
      served.tried.reset();
      auto made = SocketServer::start(folder + "/" + endpoint_of(resource), {served.service.get()});
      if (!made) {
        say(served, made.error());
        return;
      }
      served.server = *std::move(made);
    }
    const FileIdentity there = identity(kubelet());
    if (there.there() && there == served.registered_with) {
      return;
    }
    if (!there.there()) {
      served.registered_with = {};
      served.tried.reset();
      say(served,
          {ErrorCode::kNotFound,
           fmt::format("{} is not there: no kubelet runs", kubelet()),
           {},
           {},
           {}});
      return;
    }
    const auto now = std::chrono::steady_clock::now();
    if (served.tried && now - *served.tried < kRetryRegister) {
      return;
    }
    served.tried = now;
    if (auto done = register_resource(kubelet(), endpoint_of(resource), resource); !done) {
      say(served, done.error());
      return;
    }
    served.registered_with = there;
    served.trouble.clear();
    tell(Weight::kInfo, fmt::format("registered {} with the kubelet", resource));
  }

  // Once for each trouble.
  void say(Served& served, const Error& error) const {
    if (served.trouble != error.text()) {
      served.trouble = error.text();
      tell(Weight::kWarning, served.trouble);
    }
  }

  std::string folder;
  DeviceCalls calls;
  Tell tell;
  FolderWatch watch;
  std::map<std::string, std::unique_ptr<Served>> all;  // of the keeper's thread
  std::atomic<bool> stopping{false};
  std::mutex mutex;
  std::optional<std::map<std::string, std::vector<PluginDevice>>> offered;
  bool known = false;  // of the keeper's thread: something was offered, if only nothing
  std::string trouble = kNotKnown;
  std::jthread keeper;
};

Result<std::unique_ptr<DevicePlugin>> DevicePlugin::start(const std::string& folder,
                                                          DeviceCalls calls,
                                                          Tell tell) {
  MIG_TRY(socket_folder(folder));
  auto impl = std::make_unique<Impl>(folder, std::move(calls), std::move(tell));
  impl->keeper = std::jthread([raw = impl.get()] { raw->keep(); });
  return std::unique_ptr<DevicePlugin>(new DevicePlugin(std::move(impl)));
}

DevicePlugin::DevicePlugin(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

DevicePlugin::~DevicePlugin() {
  impl_->stopping = true;
  impl_->watch.wake();
  impl_->keeper.join();
  for (const auto& [resource, served] : impl_->all) {
    served->devices.end();
  }
  impl_->all.clear();
}

void DevicePlugin::offer(std::map<std::string, std::vector<PluginDevice>> devices) {
  {
    const std::lock_guard guard(impl_->mutex);
    impl_->offered = std::move(devices);
    impl_->trouble = "the kubelet does not know the newest devices yet";
  }
  impl_->watch.wake();
}

std::string DevicePlugin::trouble() const {
  const std::lock_guard guard(impl_->mutex);
  return impl_->trouble;
}

}  // namespace mig::kube
