// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/api/answer.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace mig::kube {
namespace {

constexpr std::size_t kMostBytesOfStatus = 4 << 20;
constexpr std::size_t kLongestMessage = 1000;

ErrorCode code_of(int status) {
  switch (status) {
    case 400:
    case 422:
      return ErrorCode::kInvalidInput;
    case 401:
    case 403:
      return ErrorCode::kPermission;
    case 404:
      return ErrorCode::kNotFound;
    case 405:
    case 415:
      return ErrorCode::kNotSupported;
    case 409:
    case kGone:
    case 412:
      return ErrorCode::kConflict;
    case 413:
      return ErrorCode::kTooLarge;
    case 408:
    case 504:
      return ErrorCode::kTimeout;
    default:
      return ErrorCode::kIo;
  }
}

std::string text_at(const base::Json& object, const char* member) {
  const auto at = object.is_object() ? object.find(member) : object.end();
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

std::string words(const std::string& text) {
  return base::printable(std::string_view(text).substr(0, kLongestMessage));
}

Error said(int status, const base::Json& body, const std::string& what) {
  std::string message = fmt::format("cannot {}: the API server answers {}", what, status);
  if (const std::string reason = text_at(body, "reason"); !reason.empty()) {
    message += " " + words(reason);
  }
  if (const std::string text = text_at(body, "message"); !text.empty()) {
    message += ": " + words(text);
  }
  std::string hint;
  if (status == 401) {
    hint = "the token or certificate is not accepted: it may have expired";
  } else if (status == 403) {
    hint = "the account's role does not allow it: see the ClusterRole of mig-kubelet";
  }
  return {code_of(status), std::move(message), std::move(hint), {}, {}};
}

}  // namespace

Error refusal(const HttpAnswer& answer, const std::string& what) {
  if (answer.status >= 300 && answer.status < 400) {
    return {
        ErrorCode::kIo,
        fmt::format("cannot {}: the answer is a redirect ({}) to {}, and those are not followed",
                    what,
                    answer.status,
                    base::quoted(answer.location, 200)),
        "name the API server itself",
        {},
        {}};
  }
  const auto body = base::parse_json(answer.body, {kMostBytesOfStatus, "a Status"});
  return said(answer.status, body.value_or(base::Json()), what);
}

Error refusal(const base::Json& status, const std::string& what) {
  const auto code = status.is_object() ? status.find("code") : status.end();
  const bool number = code != status.end() && code->is_number_integer();
  return said(number ? static_cast<int>(code->get<std::int64_t>()) : 500, status, what);
}

bool is_disruption_budget(const HttpAnswer& answer) {
  const auto body = base::parse_json(answer.body, {kMostBytesOfStatus, "a Status"});
  if (answer.status != kTooManyRequests || !body || !body->is_object()) {
    return false;
  }
  const auto details = body->find("details");
  if (details == body->end() || !details->is_object()) {
    return false;
  }
  const auto causes = details->find("causes");
  if (causes == details->end() || !causes->is_array()) {
    return false;
  }
  for (const base::Json& cause : *causes) {
    if (text_at(cause, "reason") == "DisruptionBudget") {
      return true;
    }
  }
  return false;
}

std::string metadata_text(const base::Json& object, const char* member) {
  const auto metadata = object.is_object() ? object.find("metadata") : object.end();
  return metadata != object.end() ? text_at(*metadata, member) : std::string();
}

}  // namespace mig::kube
