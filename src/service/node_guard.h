// SPDX-License-Identifier: Apache-2.0
// Access control on device nodes, also against users who bypass migctl: the capability nodes of an
// instance, which a process must open to use it, are accessible to root and the users who lease it
// only (POSIX ACLs on the nodes). Nodes of instances that are gone are closed too: the next
// instance of the same ids has the same nodes.
//
// Who guards leaves a mark beside the leases, so that every process that makes instances closes
// their nodes inside the change (guard_new_instances()). The mark counts for this boot only.
//
// The driver's own helper (nvidia-modprobe), which any user can run, makes missing nodes and opens
// closed ones: keep() tells it not to, instance by instance (service/capability_files.h), and makes
// missing nodes itself, closed. keep() is repeated.
//
// Evidence: simulated machine, whose nodes are files with the modes of a real driver's
// (0444, "DeviceFileMode: 292"). Not tried on a real driver.
#ifndef MIGCTL_SERVICE_NODE_GUARD_H_
#define MIGCTL_SERVICE_NODE_GUARD_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "base/fd.h"
#include "launch/confine.h"
#include "model/lease_values.h"
#include "node/node.h"

namespace mig::service {

class LeaseDesk;

class NodeGuard {
 public:
  explicit NodeGuard(launch::DeviceRoots roots) : roots_(std::move(roots)) {}

  // Sets the access of every instance's nodes: root, and the users of live leases. kPermission when
  // this process does not own the nodes; kNotSupported when the file system has no ACLs.
  Result<void> keep(const Inventory& now, const std::vector<lease::Lease>& leases) const;

  // As keep(), for these compute instances only (and those that share their GPU instance), by the
  // users of each instance: after a grant or an end nothing else has changed.
  using UsersOfInstances = std::map<std::string, std::set<std::uint32_t>>;  // by uuid
  Result<void> keep_some(const Inventory& now,
                         const std::set<std::string>& uuids,
                         const UsersOfInstances& users) const;

  // Opens every instance's nodes to all users again, the driver's default.
  Result<void> open_all() const;

  // Changes when nodes are made or removed, by whomever; 0 = there are none.
  std::int64_t nodes_changed() const;

 private:
  using Users = std::map<std::string, std::set<std::uint32_t>>;  // uids by name of the node

  // Instances whose files the driver has not created yet are left out.
  Users users_of_some(const Inventory& now,
                      const std::set<std::string>& uuids,
                      const UsersOfInstances& users) const;
  Users users_of_nodes(const Inventory& now, const std::vector<lease::Lease>& leases) const;
  void add_nodes(std::uint32_t gpu_minor,
                 GpuInstanceId gi,
                 ComputeInstanceId ci,
                 const std::set<std::uint32_t>& tenants,
                 Users& users) const;
  Result<base::Fd> folder() const;
  // Names of all nodes of GPU and compute instances that exist.
  std::vector<std::string> all_nodes() const;

  launch::DeviceRoots roots_;
};

// kAuto: on wherever this process may set access lists on the nodes.
enum class GuardMode { kAuto, kOn, kOff };

// The daemon's choice at its start: guard from now on, or undo the guard of an earlier daemon. The
// answer is why nodes stay open to everybody, "" = they are guarded.
Result<std::string> guard_or_open(LeaseDesk& desk, GuardMode mode);

// Closes the nodes of every instance that a change through this node makes, before the change is
// over, where a daemon guards the nodes of this machine. For every process that changes it.
void guard_new_instances(node::Node& node);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_NODE_GUARD_H_
