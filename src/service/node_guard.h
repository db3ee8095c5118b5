// SPDX-License-Identifier: Apache-2.0
// Access control on device nodes, also against users who bypass migctl: the capability nodes of an
// instance, which a process must open to use it, are accessible to root and the users who lease it
// only (POSIX ACLs on the nodes).
//
// The driver's own helper (nvidia-modprobe) may reset a node's mode when it recreates nodes; the
// module parameter NVreg_ModifyDeviceFiles=0 prevents that. Each keep() checks again.
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

  // Sets the access of every instance's nodes: root, and the lease holders. kPermission when this
  // process does not own the nodes; kNotSupported when the file system has no ACLs.
  Result<void> keep(const Inventory& now, const std::vector<lease::Lease>& leases);

  // Opens every instance's nodes to all users again, the driver's default.
  Result<void> open_all(const Inventory& now) const;

 private:
  using Users = std::map<std::string, std::set<std::uint32_t>>;  // uids by node

  // Instances whose files the driver has not created yet are left out.
  Users users_of_nodes(const Inventory& now, const std::vector<lease::Lease>& leases) const;
  void add_nodes(std::uint32_t gpu_minor,
                 GpuInstanceId gi,
                 ComputeInstanceId ci,
                 const std::set<std::uint32_t>& tenants,
                 Users& users) const;

  launch::DeviceRoots roots_;
};

// The daemon's choice at its start: guard from now on, or undo the guard of an earlier daemon,
// which a mark file beside the leases records.
Result<void> guard_or_open(LeaseDesk& desk, bool guard);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_NODE_GUARD_H_
