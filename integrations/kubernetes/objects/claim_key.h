// SPDX-License-Identifier: Apache-2.0
// The key under which migd knows the instance and the lease of a claim's device: who holds it can
// be told from the key alone, which only a tenant with the role admin can give. Pure.
#ifndef MIGCTL_KUBERNETES_OBJECTS_CLAIM_KEY_H_
#define MIGCTL_KUBERNETES_OBJECTS_CLAIM_KEY_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "kubernetes/objects/allocation.h"

namespace mig::kube {

inline constexpr std::size_t kLongestUid = 63;

// Letters, digits, '-', '.' and '_', at least one and at most `most`.
bool is_object_name(std::string_view text, std::size_t most);

// "kubernetes/CLAIM UID/DEVICE", with the share behind it where a device is shared.
std::string key_of(const ClaimRef& claim, const AllocatedDevice& device);
// The claim's uid; nullopt: the key is none of ours.
std::optional<std::string> claim_of_key(std::string_view key);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_OBJECTS_CLAIM_KEY_H_
