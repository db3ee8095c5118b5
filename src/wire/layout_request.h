// SPDX-License-Identifier: Apache-2.0
// Requests about a layout (POST /v1/plan, POST /v1/apply), and who asks (GET /v1/me). Threading:
// pure functions.
#ifndef MIGCTL_WIRE_LAYOUT_REQUEST_H_
#define MIGCTL_WIRE_LAYOUT_REQUEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mig/result.h"

#include "wire/wire.h"

namespace mig::wire {

// What somebody saw of a plan: only that one is to be carried out.
struct ShownPlan {
  std::string generation;          // as in the Plan document
  std::vector<std::string> steps;  // `text` of each step
};

struct LayoutRequest {
  std::string layout;                 // text of a layout file
  std::optional<std::string> config;  // which config of it; nullopt: its only one
  std::string reason;                 // for history; "" = none
  std::optional<ShownPlan> shown;     // of POST /v1/apply
};

// kInvalidInput names the missing, mistyped or unknown member; kTooLarge above 64 KiB.
// `with_plan`: what was shown must be there; else it must not.
Result<LayoutRequest> parse_layout_request(std::string_view text, bool with_plan);
// The request's text, for a client.
std::string layout_request_document(const LayoutRequest& request);
ShownPlan shown_plan(const Plan& plan);

// What a client needs of the answer to POST /v1/apply: an ApplyResult, or an Error.
struct ApplyAnswer {
  std::string outcome;           // "applied", "unchanged", "rolled_back", "stuck"
  std::optional<Error> failure;  // why not
};

Result<ApplyAnswer> parse_apply_answer(std::string_view text);

struct Caller {
  std::uint32_t uid = 0;
  std::string user;  // "" = the system has no name for the uid
  std::string tenant, role;
  bool by_token = false;
};

std::string caller_document(const Caller& caller, const Source& source);

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_LAYOUT_REQUEST_H_
