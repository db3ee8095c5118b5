// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/objects/claim_key.h"

#include <algorithm>

#include <fmt/format.h>

namespace mig::kube {
namespace {

constexpr std::string_view kPrefix = "kubernetes/";

}  // namespace

bool is_object_name(std::string_view text, std::size_t most) {
  return !text.empty() && text.size() <= most &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '-' || c == '.' || c == '_';
         });
}

std::string key_of(const ClaimRef& claim, const AllocatedDevice& device) {
  return fmt::format("{}{}/{}{}{}",
                     kPrefix,
                     claim.uid,
                     device.device,
                     device.share_id.empty() ? "" : "/",
                     device.share_id);
}

std::optional<std::string> claim_of_key(std::string_view key) {
  if (!key.starts_with(kPrefix)) {
    return std::nullopt;
  }
  key.remove_prefix(kPrefix.size());
  const auto end = key.find('/');
  const std::string_view uid = key.substr(0, end);
  if (end == std::string_view::npos || !is_object_name(uid, kLongestUid)) {
    return std::nullopt;
  }
  return std::string(uid);
}

}  // namespace mig::kube
