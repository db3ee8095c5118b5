// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/claims/record.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace mig::kube {
namespace {

constexpr std::size_t kLongestName = 253;
constexpr std::size_t kLongestShown = 180;  // migd takes no more

}  // namespace

const char* name_of(ClaimState state) {
  switch (state) {
    case ClaimState::kPreparing:
      return "preparing";
    case ClaimState::kPrepared:
      return "prepared";
    case ClaimState::kUnpreparing:
      break;
  }
  return "unpreparing";
}

std::optional<ClaimState> parse_claim_state(std::string_view name) {
  for (const ClaimState state :
       {ClaimState::kPreparing, ClaimState::kPrepared, ClaimState::kUnpreparing}) {
    if (name == name_of(state)) {
      return state;
    }
  }
  return std::nullopt;
}

Result<void> check_ref(const ClaimRef& claim) {
  if (is_object_name(claim.name_space, kLongestName) && is_object_name(claim.name, kLongestName) &&
      is_object_name(claim.uid, kLongestUid)) {
    return {};
  }
  return fail(
      ErrorCode::kInvalidInput,
      fmt::format(
          "{} with uid {} is no claim's name", base::quoted(claim.str()), base::quoted(claim.uid)));
}

std::string shown_name(const ClaimRef& claim) {
  std::string name = claim.str();
  if (name.size() > kLongestShown) {
    name.resize(kLongestShown - 3);
    name += "...";
  }
  return name;
}

}  // namespace mig::kube
