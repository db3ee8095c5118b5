// SPDX-License-Identifier: Apache-2.0
// Keeps people out of instances that are not theirs, also those who go past migctl: the capability
// nodes of an instance, which the driver wants open before it lets a process in, belong to root and
// to the users who lease it (POSIX access lists on the nodes).
//
// The driver's own helper (nvidia-modprobe) may set a node's mode back when it makes nodes anew;
// the module parameter NVreg_ModifyDeviceFiles=0 keeps it from that. Each keep() looks again.
//
// Evidence: simulated machine, whose nodes are files with the modes of a real driver's
// (0444, "DeviceFileMode: 292"). Not tried on a real driver.
#ifndef MIGCTL_SERVICE_NODE_GUARD_H_
#define MIGCTL_SERVICE_NODE_GUARD_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "launch/confine.h"
#include "model/lease_values.h"

namespace mig::service {

class LeaseDesk;

class NodeGuard {
 public:
  explicit NodeGuard(launch::DeviceRoots roots) : roots_(std::move(roots)) {}

  // Every instance's nodes: root, and who leases it. kPermission when we are not their owner;
  // kNotSupported when the file system has no access lists.
  Result<void> keep(const Inventory& now, const std::vector<lease::Lease>& leases);

  // Every instance's nodes for everybody again, as the driver makes them.
  Result<void> open_all(const Inventory& now) const;

 private:
  using Users = std::map<std::string, std::set<std::uint32_t>>;  // of each node

  // Instances whose files the driver has not made yet are left out.
  Users users_of_nodes(const Inventory& now, const std::vector<lease::Lease>& leases) const;
  void add_nodes(std::uint32_t gpu_minor,
                 GpuInstanceId gi,
                 ComputeInstanceId ci,
                 const std::set<std::uint32_t>& tenants,
                 Users& users) const;

  launch::DeviceRoots roots_;
};

// The daemon's choice at its start: guarded from now on, or, where the one before guarded, open
// again. A mark beside the leases tells that.
Result<void> guard_or_open(LeaseDesk& desk, bool guard);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_NODE_GUARD_H_
