// SPDX-License-Identifier: Apache-2.0
// Inside of claims/: one device of a claim through migd: taken (made or found, and leased) and
// given back. Both may be repeated after a crash, or after an answer that was lost: migd knows
// what was made and leased by the device's key.
//
// Threading: thread-safe.
#ifndef MIGCTL_KUBERNETES_CLAIMS_DEVICES_H_
#define MIGCTL_KUBERNETES_CLAIMS_DEVICES_H_

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "client/instances.h"
#include "kubernetes/claims/record.h"

namespace mig::kube {

class Devices {
 public:
  Devices(const std::string& socket, std::string version)
      : migd_(socket), version_(std::move(version)) {}

  // Where the device is on this machine, as it was when it was last read: migd looks anew when it
  // makes the instance. kNotFound: no device of that name.
  Result<std::vector<DeviceRecord>> find(const ClaimRef& claim,
                                         const std::vector<AllocatedDevice>& devices) const;

  // Fills in what migd answers.
  Result<void> take(const ClaimRef& claim, DeviceRecord& record) const;

  // Nothing that was not made for the key is destroyed. kInUse names the processes that still run
  // there; they are not ended.
  Result<void> give_back(const DeviceRecord& record) const;

  // Leases of claims in migd, whoever remembers them.
  Result<std::vector<lease::Lease>> leases() const;

  Result<std::shared_ptr<const Inventory>> inventory() const;

  // What was read is no longer trusted.
  void forget() const;

 private:
  Result<void> release(const DeviceRecord& record) const;
  Error still_used(const DeviceRecord& record, const lease::Lease& lease) const;

  client::Instances migd_;
  std::string version_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const Inventory> known_;  // as last read; null = to be read
};

// The record of a lease that migd has and no checkpoint knows.
DeviceRecord record_of(const lease::Lease& lease);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_CLAIMS_DEVICES_H_
