// SPDX-License-Identifier: Apache-2.0
// Inside of claims/: what is known of a claim on this node, as kept in the checkpoint. Plain
// values.
#ifndef MIGCTL_KUBERNETES_CLAIMS_RECORD_H_
#define MIGCTL_KUBERNETES_CLAIMS_RECORD_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kubernetes/objects/allocation.h"
#include "kubernetes/objects/claim_key.h"

namespace mig::kube {

// Written before what it names is begun: a crash in any of them is repaired from here.
enum class ClaimState {
  kPreparing,    // instances may be there already; the keys tell migd which
  kPrepared,     // the answer was, or may be, given
  kUnpreparing,  // leases and instances may be gone already
};

const char* name_of(ClaimState state);  // "preparing"
std::optional<ClaimState> parse_claim_state(std::string_view name);

struct DeviceRecord {
  AllocatedDevice device;
  std::string key;  // of the instance and its lease in migd
  std::string gpu_uuid;
  std::string profile;
  std::uint32_t start = 0;
  // Of the last answer of migd; "" and nullopt before there is one.
  std::string uuid;
  std::string cdi;
  std::optional<std::int64_t> lease;
  bool made = false;  // for the key; false: it was there, and is only leased
  friend bool operator==(const DeviceRecord&, const DeviceRecord&) = default;
};

struct ClaimRecord {
  ClaimRef claim;
  ClaimState state = ClaimState::kPreparing;
  std::vector<DeviceRecord> devices;
  friend bool operator==(const ClaimRecord&, const ClaimRecord&) = default;
};

using ClaimRecords = std::map<std::string, ClaimRecord>;  // by uid

inline constexpr std::size_t kMostDevices = 32;  // of a claim, as the API's
inline constexpr std::size_t kMostClaims = 1024;

// kInvalidInput for a name or uid that is no name of Kubernetes'.
Result<void> check_ref(const ClaimRef& claim);
// "NAMESPACE/CLAIM", as leases show it: cut where it is longer than migd takes.
std::string shown_name(const ClaimRef& claim);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_CLAIMS_RECORD_H_
