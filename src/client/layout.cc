// SPDX-License-Identifier: Apache-2.0
#include "client/layout.h"

#include <utility>

#include "http/client.h"
#include "wire/reading.h"
#include "wire/wire.h"

namespace mig::client {
namespace {

constexpr int kLayoutDone = 200;

}  // namespace

Result<Plan> plan_layout(const std::string& socket,
                         const WantedLayout& wanted,
                         std::chrono::milliseconds patience) {
  const std::string body =
      wire::layout_request_document({wanted.text, wanted.config, {}, std::nullopt});
  MIG_ASSIGN_OR_RETURN(const auto answer, http::call(socket, "POST", "/v1/plan", body, patience));
  if (answer.status != kLayoutDone) {
    return wire::parse_error(answer.body);
  }
  MIG_ASSIGN_OR_RETURN(wire::SavedPlan saved, wire::parse_plan(answer.body, "the daemon's plan"));
  return std::move(saved.plan);
}

Result<wire::ApplyAnswer> apply_layout(const std::string& socket,
                                       const WantedLayout& wanted,
                                       const Plan& plan,
                                       std::chrono::milliseconds patience) {
  const std::string body = wire::layout_request_document(
      {wanted.text, wanted.config, wanted.reason, wire::shown_plan(plan)});
  MIG_ASSIGN_OR_RETURN(const auto answer, http::call(socket, "POST", "/v1/apply", body, patience));
  if (answer.status != kLayoutDone) {
    return wire::parse_error(answer.body);
  }
  return wire::parse_apply_answer(answer.body);
}

}  // namespace mig::client
