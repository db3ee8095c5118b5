// SPDX-License-Identifier: Apache-2.0
// Leases in migd of what the device plugin gave to pods. The kubelet never tells the end of an
// allocation, so its list of pods (podresources) is asked, and a lease of a device that no pod has
// is given back. Without that list every lease stays: nothing that a pod may have is freed.
//
// migd keeps the leases, and this program nothing: it may die at any time.
#ifndef MIGCTL_KUBERNETES_MAIN_POD_LEASES_H_
#define MIGCTL_KUBERNETES_MAIN_POD_LEASES_H_

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "mig/result.h"

#include "client/instances.h"
#include "model/lease_values.h"

namespace mig::kube {

// An admission that goes on: the kubelet lists the device a moment after it asked for it.
inline constexpr std::chrono::seconds kAllocationGrace{30};

// MIG UUID of a lease that the device plugin took; "" = it is another's.
std::string device_of_lease(const lease::Lease& lease);

struct ReleaseInput {
  std::vector<lease::Lease> leases;
  std::set<std::string> of_pods;  // ids of all devices that pods have
  std::int64_t now_ms = 0;        // since 1970
  // When a device was last allocated by this process, since 1970.
  std::map<std::string, std::int64_t> allocated_ms;
};

// Leases that no pod needs any more. Pure.
std::vector<std::int64_t> leases_to_release(const ReleaseInput& input);

class PodLeases {
 public:
  explicit PodLeases(const std::string& migd_socket) : migd_(migd_socket) {}

  // Leases an instance that exists, at this place, for a pod; its CDI name. Errors: kInUse,
  // kConflict: somebody else has it; kNotFound: it went meanwhile.
  Result<std::string> take(const std::string& resource,
                           const std::string& uuid,
                           const std::string& gpu_uuid,
                           const ProfileName& profile,
                           std::uint32_t start);

  struct Tidied {
    std::vector<std::string> lines;  // for the log
    std::set<std::string> of_pods;   // ids that pods have, or are given just now
    std::set<std::string> unleased;  // ids that pods have and no lease of ours
  };

  // Gives back what no pod has.
  Result<Tidied> tidy(const std::string& pod_resources_socket);

 private:
  client::Instances migd_;
  std::mutex mutex_;
  std::map<std::string, std::int64_t> allocated_ms_;
};

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_MAIN_POD_LEASES_H_
