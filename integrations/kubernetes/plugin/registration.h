// SPDX-License-Identifier: Apache-2.0
// The service by which the kubelet learns of a plugin (pluginregistration.Registration): it
// connects to a socket that appears in its registry folder and asks. Threading: thread-safe.
#ifndef MIGCTL_KUBERNETES_PLUGIN_REGISTRATION_H_
#define MIGCTL_KUBERNETES_PLUGIN_REGISTRATION_H_

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <grpcpp/grpcpp.h>

#include "kubernetes/plugin/tell.h"

namespace mig::kube {

// What became of the registration.
struct RegistrationState {
  bool registered = false;
  std::string refusal;  // the kubelet's words; "" = none
  std::chrono::steady_clock::time_point since;
};

// Shared by the services of one socket after the other.
class RegistrationNews {
 public:
  RegistrationState state() const {
    const std::lock_guard lock(mutex_);
    return state_;
  }

  void set(bool registered, std::string refusal) {
    const std::lock_guard lock(mutex_);
    state_ = {registered, std::move(refusal), std::chrono::steady_clock::now()};
  }

 private:
  mutable std::mutex mutex_;
  RegistrationState state_;
};

// `news` must outlive the service.
std::unique_ptr<grpc::Service> registration_service(const std::string& driver,
                                                    const std::string& endpoint,
                                                    RegistrationNews& news,
                                                    const Tell& tell);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_PLUGIN_REGISTRATION_H_
