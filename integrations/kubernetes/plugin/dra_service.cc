// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/plugin/dra_service.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <utility>

#include <fmt/core.h>

#include "base/strings.h"
#include "kubernetes/plugin/claim_batch.h"
#include "proto/dra_health.grpc.pb.h"
#include "proto/dra_v1.grpc.pb.h"
#include "proto/dra_v1beta1.grpc.pb.h"

namespace mig::kube {
namespace {

namespace dra_v1 = ::k8s::io::kubelet::pkg::apis::dra::v1;
namespace dra_v1beta1 = ::k8s::io::kubelet::pkg::apis::dra::v1beta1;

constexpr int kMostHealthStreams = 8;
// The kubelet takes a device for unknown that it heard nothing of for the time-out.
constexpr std::chrono::seconds kHealthAgain{10};
constexpr std::int64_t kHealthTimeoutSeconds = 60;
constexpr std::chrono::milliseconds kHealthLook{500};
constexpr std::size_t kMostHealthMessage = 1024;

std::string words_of(const Error& error) {
  return base::printable(error.hint.empty() ? error.text()
                                            : error.text() + " (" + error.hint + ")");
}

template <class Request>
Result<std::vector<ClaimRef>> claims_of(const Request& request) {
  if (static_cast<std::size_t>(request.claims_size()) > kMostClaimsOfRequest) {
    return fail(
        ErrorCode::kTooLarge,
        fmt::format(
            "{} claims in one request: at most {}", request.claims_size(), kMostClaimsOfRequest));
  }
  std::vector<ClaimRef> claims;
  std::set<std::string> seen;
  for (const auto& claim : request.claims()) {
    if (seen.insert(claim.uid()).second) {  // answers are by uid
      claims.push_back(
          {.name_space = claim.namespace_(), .name = claim.name(), .uid = claim.uid()});
    }
  }
  return claims;
}

void set_share(dra_v1::Device& to, const std::string& share_id) {
  to.set_share_id(share_id);
}

void set_share(dra_v1beta1::Device& /*to*/, const std::string& /*share_id*/) {}

template <class Device>
void fill(Device& to, const PreparedDevice& from) {
  // The kubelet looks for the request's name without that of the alternative that was chosen.
  to.add_request_names(from.request.substr(0, from.request.find('/')));
  to.set_pool_name(from.pool);
  to.set_device_name(from.device);
  for (const auto& id : from.cdi_ids) {
    to.add_cdi_device_ids(id);
  }
  if (!from.share_id.empty()) {
    set_share(to, from.share_id);
  }
}

grpc::Status refuse(const Error& error) {
  return {grpc::StatusCode::INVALID_ARGUMENT, words_of(error)};
}

// Both versions of the interface have the same messages in other packages.
template <class Base,
          class PrepareRequest,
          class PrepareResponse,
          class UnprepareRequest,
          class UnprepareResponse>
class DraService final : public Base {
 public:
  DraService(DraCalls calls, Tell tell) : calls_(std::move(calls)), tell_(std::move(tell)) {}

  grpc::Status NodePrepareResources(grpc::ServerContext* context,
                                    const PrepareRequest* request,
                                    PrepareResponse* response) override {
    auto claims = claims_of(*request);
    if (!claims) {
      return refuse(claims.error());
    }
    std::vector<std::vector<PreparedDevice>> prepared(claims->size());
    const auto errors =
        for_each_claim(*claims, context->deadline(), [&](std::size_t i) -> Result<void> {
          MIG_ASSIGN_OR_RETURN(prepared[i], calls_.prepare((*claims)[i]));
          return {};
        });
    for (std::size_t i = 0; i < claims->size(); ++i) {
      auto& answer = (*response->mutable_claims())[(*claims)[i].uid];
      if (errors[i]) {
        answer.set_error(words_of(*errors[i]));
        tell_(Weight::kWarning,
              fmt::format("prepare claim {}: {}", shown((*claims)[i]), words_of(*errors[i])));
        continue;
      }
      for (const auto& device : prepared[i]) {
        fill(*answer.add_devices(), device);
      }
      tell_(Weight::kInfo,
            fmt::format("prepared claim {}: {}",
                        shown((*claims)[i]),
                        base::counted(prepared[i].size(), "device")));
    }
    return grpc::Status::OK;
  }

  grpc::Status NodeUnprepareResources(grpc::ServerContext* context,
                                      const UnprepareRequest* request,
                                      UnprepareResponse* response) override {
    auto claims = claims_of(*request);
    if (!claims) {
      return refuse(claims.error());
    }
    const auto errors = for_each_claim(*claims, context->deadline(), [&](std::size_t i) {
      return calls_.unprepare((*claims)[i]);
    });
    for (std::size_t i = 0; i < claims->size(); ++i) {
      auto& answer = (*response->mutable_claims())[(*claims)[i].uid];
      if (errors[i]) {
        answer.set_error(words_of(*errors[i]));
        tell_(Weight::kWarning,
              fmt::format("free claim {}: {}", shown((*claims)[i]), words_of(*errors[i])));
      } else {
        tell_(Weight::kInfo, fmt::format("freed claim {}", shown((*claims)[i])));
      }
    }
    return grpc::Status::OK;
  }

 private:
  static std::string shown(const ClaimRef& claim) { return base::printable(claim.str()); }

  DraCalls calls_;
  Tell tell_;
};

using DraV1 = DraService<dra_v1::DRAPlugin::Service,
                         dra_v1::NodePrepareResourcesRequest,
                         dra_v1::NodePrepareResourcesResponse,
                         dra_v1::NodeUnprepareResourcesRequest,
                         dra_v1::NodeUnprepareResourcesResponse>;
using DraV1Beta1 = DraService<dra_v1beta1::DRAPlugin::Service,
                              dra_v1beta1::NodePrepareResourcesRequest,
                              dra_v1beta1::NodePrepareResourcesResponse,
                              dra_v1beta1::NodeUnprepareResourcesRequest,
                              dra_v1beta1::NodeUnprepareResourcesResponse>;

v1alpha1::NodeWatchResourcesResponse health_message(const std::vector<DeviceHealth>& devices) {
  v1alpha1::NodeWatchResourcesResponse message;
  for (const auto& from : devices) {
    auto* to = message.add_devices();
    to->mutable_device()->set_pool_name(from.pool);
    to->mutable_device()->set_device_name(from.device);
    to->set_health(from.healthy ? v1alpha1::HEALTHY : v1alpha1::UNHEALTHY);
    to->set_last_updated_time(from.since_s);
    to->set_health_check_timeout_seconds(kHealthTimeoutSeconds);
    to->set_message(base::printable(from.message).substr(0, kMostHealthMessage));
  }
  return message;
}

class HealthService final : public v1alpha1::DRAResourceHealth::Service {
 public:
  explicit HealthService(const HealthState& health) : health_(health) {}

  grpc::Status NodeWatchResources(
      grpc::ServerContext* context,
      const v1alpha1::NodeWatchResourcesRequest* /*request*/,
      grpc::ServerWriter<v1alpha1::NodeWatchResourcesResponse>* stream) override {
    if (++streams_ > kMostHealthStreams) {
      --streams_;
      return {grpc::StatusCode::RESOURCE_EXHAUSTED,
              fmt::format("{} streams of health are open already", kMostHealthStreams)};
    }
    follow(*context, *stream);
    --streams_;
    return grpc::Status::OK;
  }

 private:
  void follow(grpc::ServerContext& context,
              grpc::ServerWriter<v1alpha1::NodeWatchResourcesResponse>& stream) {
    std::uint64_t seen = 0;
    auto told = std::chrono::steady_clock::now();
    while (!context.IsCancelled() && !health_.ended()) {
      auto news = health_.wait(seen, kHealthLook);
      const auto now = std::chrono::steady_clock::now();
      if (!news && seen > 0 && now - told >= kHealthAgain) {
        news = health_.now();
      }
      if (!news) {
        continue;
      }
      // Waits for a slow reader, which then gets the newest value only.
      if (!stream.Write(health_message(news->value))) {
        return;
      }
      seen = news->version;
      told = now;
    }
  }

  const HealthState& health_;
  std::atomic<int> streams_{0};
};

}  // namespace

std::vector<std::unique_ptr<grpc::Service>> dra_services(const DraCalls& calls,
                                                         const HealthState& health,
                                                         const Tell& tell) {
  std::vector<std::unique_ptr<grpc::Service>> services;
  services.push_back(std::make_unique<DraV1>(calls, tell));
  services.push_back(std::make_unique<DraV1Beta1>(calls, tell));
  services.push_back(std::make_unique<HealthService>(health));
  return services;
}

}  // namespace mig::kube
