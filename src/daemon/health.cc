// SPDX-License-Identifier: Apache-2.0
#include "daemon/health.h"

namespace mig::daemon {

void Health::add_to(http::Router& router) {
  router.add(
      "GET", "/v1/health", {}, [this](const http::Request& /*request*/, const http::Reply& reply) {
        reply(now());
      });
}

http::Response Health::now() const {
  constexpr int kUnavailable = 503;
  const std::vector<wire::HealthPart> parts = this->parts();
  http::Response response;
  for (const wire::HealthPart& part : parts) {
    if (!part.trouble.empty()) {
      response.status = kUnavailable;
    }
  }
  response.body = wire::health_document(parts, version_, source_);
  return response;
}

std::vector<wire::HealthPart> Health::parts() const {
  std::vector<wire::HealthPart> parts;
  parts.reserve(parts_.size());
  for (const Part& part : parts_) {
    parts.push_back({part.name, part.trouble()});
  }
  return parts;
}

}  // namespace mig::daemon
