// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/plugin/dra_plugin.h"

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <utility>

#include <fmt/core.h>
#include <grpcpp/impl/service_type.h>

#include "kubernetes/plugin/dra_service.h"
#include "kubernetes/plugin/folder_watch.h"
#include "kubernetes/plugin/registration.h"
#include "kubernetes/plugin/socket_server.h"

namespace mig::kube {
namespace {

constexpr std::chrono::milliseconds kDraLook{1000};
constexpr std::chrono::seconds kRetryRefused{10};

}  // namespace

struct DraPlugin::Impl {
  Impl(DraPlaces where, const DraCalls& what, HealthState& state, Tell log)
      : places(std::move(where)),
        health(state),
        tell(std::move(log)),
        services(dra_services(what, state, tell)),
        registration(
            registration_service(places.driver, places.plugin_folder + "/dra.sock", news, tell)),
        watch({places.plugin_folder, places.registry_folder}) {}

  Result<void> serve() {
    std::vector<grpc::Service*> all;
    for (const auto& service : services) {
      all.push_back(service.get());
    }
    MIG_ASSIGN_OR_RETURN(plugin, SocketServer::start(places.plugin_folder + "/dra.sock", all));
    return {};
  }

  Result<void> announce() {
    news.set(false, "");
    MIG_ASSIGN_OR_RETURN(
        registrar,
        SocketServer::start(fmt::format("{}/{}-reg.sock", places.registry_folder, places.driver),
                            {registration.get()}));
    return {};
  }

  // Makes anew what is gone. The registration comes last: the kubelet calls the other socket then.
  Result<void> mend() {
    const bool renew = !plugin || !plugin->reachable();
    const RegistrationState state = news.state();
    const bool again =
        !state.refusal.empty() && std::chrono::steady_clock::now() - state.since >= kRetryRefused;
    if (!renew && registrar && registrar->reachable() && !again) {
      return {};
    }
    if (renew && plugin) {
      tell(Weight::kWarning, fmt::format("{} is gone: it is made anew", plugin->path()));
    }
    registrar.reset();
    if (renew) {
      plugin.reset();
      MIG_TRY(socket_folder(places.plugin_folder));
      MIG_TRY(serve());
    }
    MIG_TRY(socket_folder(places.registry_folder));
    return announce();
  }

  void keep() {
    std::string told;
    while (!stopping) {
      watch.wait(kDraLook);
      if (stopping) {
        return;
      }
      const auto mended = mend();
      const std::string now = mended ? "" : mended.error().text();
      if (now != told && !now.empty()) {
        tell(Weight::kError, now);
      }
      told = now;
      const std::lock_guard guard(mutex);
      trouble = now;
    }
  }

  DraPlaces places;
  HealthState& health;
  Tell tell;
  RegistrationNews news;
  std::vector<std::unique_ptr<grpc::Service>> services;
  std::unique_ptr<grpc::Service> registration;
  std::unique_ptr<SocketServer> plugin, registrar;  // of the keeper's thread, once it runs
  FolderWatch watch;
  std::atomic<bool> stopping{false};
  std::mutex mutex;
  std::string trouble;
  std::jthread keeper;
};

Result<std::unique_ptr<DraPlugin>> DraPlugin::start(DraPlaces places,
                                                    const DraCalls& calls,
                                                    HealthState& health,
                                                    Tell tell) {
  MIG_TRY(socket_folder(places.plugin_folder));
  auto impl = std::make_unique<Impl>(std::move(places), calls, health, std::move(tell));
  MIG_TRY(impl->mend());
  impl->keeper = std::jthread([raw = impl.get()] { raw->keep(); });
  return std::unique_ptr<DraPlugin>(new DraPlugin(std::move(impl)));
}

DraPlugin::DraPlugin(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

DraPlugin::~DraPlugin() {
  impl_->stopping = true;
  impl_->watch.wake();
  impl_->keeper.join();
  // No further registration first; then the streams, and the calls that run.
  impl_->registrar.reset();
  impl_->health.end();
  impl_->plugin.reset();
}

std::string DraPlugin::trouble() const {
  const RegistrationState state = impl_->news.state();
  const std::lock_guard guard(impl_->mutex);
  if (!impl_->trouble.empty()) {
    return impl_->trouble;
  }
  if (!state.refusal.empty()) {
    return "the kubelet refused the registration: " + state.refusal;
  }
  return state.registered ? "" : "the kubelet has not registered this driver yet";
}

}  // namespace mig::kube
