// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/plugin/registration.h"

#include <fmt/core.h>

#include "base/strings.h"
#include "proto/plugin_registration.grpc.pb.h"

namespace mig::kube {
namespace {

constexpr std::size_t kMostRefusal = 1000;

class Registration final : public pluginregistration::Registration::Service {
 public:
  Registration(std::string driver, std::string endpoint, RegistrationNews& news, Tell tell)
      : driver_(std::move(driver)),
        endpoint_(std::move(endpoint)),
        news_(news),
        tell_(std::move(tell)) {}

  grpc::Status GetInfo(grpc::ServerContext* /*context*/,
                       const pluginregistration::InfoRequest* /*request*/,
                       pluginregistration::PluginInfo* info) override {
    info->set_type("DRAPlugin");
    info->set_name(driver_);
    info->set_endpoint(endpoint_);
    // The kubelet takes the first that it knows. Health is asked for without being named.
    info->add_supported_versions("v1.DRAPlugin");
    info->add_supported_versions("v1beta1.DRAPlugin");
    return grpc::Status::OK;
  }

  grpc::Status NotifyRegistrationStatus(
      grpc::ServerContext* /*context*/,
      const pluginregistration::RegistrationStatus* status,
      pluginregistration::RegistrationStatusResponse* /*response*/) override {
    if (status->plugin_registered()) {
      news_.set(true, "");
      tell_(Weight::kInfo, fmt::format("registered with the kubelet as {}", driver_));
    } else {
      const std::string words = base::printable(status->error().substr(0, kMostRefusal));
      news_.set(false, words.empty() ? "no reason given" : words);
      tell_(Weight::kError,
            fmt::format("the kubelet refused the registration of {}: {}", driver_, words));
    }
    return grpc::Status::OK;
  }

 private:
  std::string driver_, endpoint_;
  RegistrationNews& news_;
  Tell tell_;
};

}  // namespace

std::unique_ptr<grpc::Service> registration_service(const std::string& driver,
                                                    const std::string& endpoint,
                                                    RegistrationNews& news,
                                                    const Tell& tell) {
  return std::make_unique<Registration>(driver, endpoint, news, tell);
}

}  // namespace mig::kube
