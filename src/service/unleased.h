// SPDX-License-Identifier: Apache-2.0
// Processes on instances without a lease of their user there: found at each look, told once each,
// counted against their tenant, and ended where the site's policy says so (`unleased: end` in the
// tenants file): SIGTERM, after a grace SIGKILL.
//
// Root's processes are none of them (monitoring, and the admin), nor processes in the cgroup of a
// lease of the instance, nor those on an instance that an external component leases (a pod's run as
// whoever its image says), nor what the driver reports without an instance (displays).
//
// Threading: not thread-safe.
#ifndef MIGCTL_SERVICE_UNLEASED_H_
#define MIGCTL_SERVICE_UNLEASED_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "mig/inventory.h"

#include "holders/holders.h"
#include "model/lease_values.h"
#include "model/tenants.h"
#include "service/lease_members.h"

namespace mig::service {

class UnleasedWatch {
 public:
  explicit UnleasedWatch(holders::Roots roots) : roots_(std::move(roots)) {}

  // Those that are there now. `leases`: all, also those that are ending, whose processes are ended
  // anyway. `tenant_of`: of a uid.
  std::vector<lease::UnleasedProcess> find(
      const Inventory& now,
      const std::vector<lease::Lease>& leases,
      const LeaseMembers& members,
      const std::function<std::string(std::uint32_t uid)>& tenant_of) const;

  // Takes those that have ended since out of an earlier `found`: one look at /proc for each.
  void drop_ended(std::vector<lease::UnleasedProcess>& found) const;

  // Of `found`, those that no earlier call was given.
  std::vector<lease::UnleasedProcess> news(const std::vector<lease::UnleasedProcess>& found);

  // Ends them: SIGTERM at the first call, SIGKILL at calls after the grace.
  void end(const std::vector<lease::UnleasedProcess>& found, std::chrono::nanoseconds now);

  static constexpr std::chrono::seconds kGrace{10};

 private:
  struct Known {
    std::chrono::nanoseconds asked{-1};  // when SIGTERM was sent; below 0: not yet
  };

  // By pid and start time, and instance.
  using Key = std::pair<std::pair<std::uint32_t, std::uint64_t>, std::string>;

  holders::Roots roots_;
  std::map<Key, Known> known_;
};

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_UNLEASED_H_
