// SPDX-License-Identifier: Apache-2.0
#include "client/instances.h"

#include <utility>

#include <fmt/core.h>

#include "http/client.h"
#include "http/query.h"
#include "wire/instances.h"
#include "wire/leases.h"
#include "wire/machine.h"
#include "wire/reading.h"
#include "wire/sample.h"

namespace mig::client {
namespace {

constexpr int kAnswered = 200;

}  // namespace

bool Instances::is_there() const {
  return http::somebody_listens(socket_);
}

Result<std::string> Instances::ask(const std::string& method,
                                   const std::string& target,
                                   const std::string& body,
                                   std::chrono::milliseconds patience) const {
  auto answer = http::call(socket_, method, target, body, patience);
  if (!answer) {
    Error error = std::move(answer).error();
    // Of the daemon itself, kNotFound says that a thing is not there.
    error.code = error.code == ErrorCode::kNotFound ? ErrorCode::kIo : error.code;
    return std::move(error).in("asking migd");
  }
  if (answer->status != kAnswered) {
    return wire::parse_error(answer->body);
  }
  return std::move(answer->body);
}

Result<PlacedInstance> Instances::place(const PlacedRequest& request,
                                        std::chrono::milliseconds patience) const {
  MIG_ASSIGN_OR_RETURN(
      const std::string body,
      ask("POST", "/v1/instances", wire::placed_request_document(request), patience));
  MIG_ASSIGN_OR_RETURN(wire::PlacedAnswer answer, wire::parse_placed_instance(body));
  return std::move(answer.placed);
}

Result<void> Instances::destroy(const std::string& uuid,
                                const std::string& key,
                                std::chrono::milliseconds patience) const {
  const std::string target = fmt::format(
      "/v1/instances/{}?key={}", http::percent_encoded(uuid), http::percent_encoded(key));
  MIG_TRY(ask("DELETE", target, "", patience));
  return {};
}

Result<Inventory> Instances::inventory(const std::string& version,
                                       std::chrono::milliseconds patience) const {
  MIG_ASSIGN_OR_RETURN(
      const std::string body,
      ask("GET", "/v1/machine?version=" + http::percent_encoded(version), "", patience));
  return wire::parse_machine(body);
}

Result<MachineSample> Instances::sample(std::chrono::milliseconds patience) const {
  MIG_ASSIGN_OR_RETURN(const std::string body, ask("GET", "/v1/sample", "", patience));
  return wire::parse_sample(body);
}

Result<std::vector<lease::Lease>> Instances::leases(std::chrono::milliseconds patience) const {
  MIG_ASSIGN_OR_RETURN(const std::string body, ask("GET", "/v1/leases", "", patience));
  MIG_ASSIGN_OR_RETURN(wire::LeaseAnswer answer, wire::parse_lease_answer(body));
  return std::move(answer.leases);
}

Result<lease::Lease> Instances::release(std::int64_t lease,
                                        std::chrono::milliseconds patience) const {
  MIG_ASSIGN_OR_RETURN(const std::string body,
                       ask("DELETE", fmt::format("/v1/leases/{}", lease), "", patience));
  MIG_ASSIGN_OR_RETURN(wire::LeaseAnswer answer, wire::parse_lease_answer(body));
  if (answer.leases.empty()) {
    return fail(ErrorCode::kInternal, "migd names no lease that was released");
  }
  return std::move(answer.leases.front());
}

}  // namespace mig::client
