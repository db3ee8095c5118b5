// SPDX-License-Identifier: Apache-2.0
// Cgroups of leases: what a lease's job starts stays in the lease's cgroup, however it forks
// (setsid, double fork, reparenting), so its end can be enforced. Made by the process that keeps
// the leases, below the root of a hierarchy and not below its own cgroup: systemd ends what is in
// a service's cgroup when the service stops, and jobs outlive the daemon.
//
//   <root>/migctl/<machine>/lease-12      root: cgroup v2 (also the "unified" folder beside v1
//                                         controllers), else v1: freezer, pids or name=systemd
//
// Only root may write there, so no member leaves. Where the pids controller can be set, a fork
// bomb is bounded by systemd's default limit of tasks, 15 % of what the kernel allows.
//
// For a job that is a container, the engine makes the container's cgroup inside one of ours
// (holders/container.h): then the lease's members are the processes of the containers' cgroups, and
// nothing else that is below it.
//
// Threading: none of its own; the kernel serialises.
#ifndef MIGCTL_SERVICE_LEASE_CGROUP_H_
#define MIGCTL_SERVICE_LEASE_CGROUP_H_

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "mig/result.h"

#include "base/proc_root.h"
#include "model/lease_values.h"
#include "store/places.h"

namespace mig::service {

class LeaseCgroups {
 public:
  struct Roots {
    std::string cgroups = "/sys/fs/cgroup";
    std::string proc = base::proc_root();
  };

  LeaseCgroups(const store::MachineId& machine, Roots roots);

  // The path of a new or empty cgroup for the lease; "" where none can be made: no permission, no
  // cgroup file system, or a read-only one.
  Result<std::string> make(std::int64_t lease) const;

  // The path of a cgroup in which an engine makes those of the lease's containers: a new folder or,
  // with systemd, a slice that systemd makes when it is first used. `uid`: whose user manager. ""
  // as in make().
  Result<std::string> make_for_containers(std::int64_t lease,
                                          const lease::ContainerCgroups& how,
                                          std::uint32_t uid) const;

  // Cgroups of containers of this machine's leases, by lease.
  std::vector<std::pair<std::int64_t, std::string>> all_for_containers() const;

  // Moves the process, identified by pid and start time, into the cgroup. kNotFound when it ended
  // meanwhile; kIo otherwise.
  Result<void> place(const std::string& path, const lease::LeaseHolder& process) const;

  // Members, with those of cgroups below it. Empty for "" and where it does not exist.
  static std::vector<std::uint32_t> members(const std::string& path);
  static bool populated(const std::string& path);
  static bool exists(const std::string& path);

  // Sends `signal` to every member once; a process that left meanwhile gets none.
  void signal(const std::string& path, int signal) const;
  // SIGKILL to all members and to what they fork meanwhile: cgroup.kill, else frozen, killed and
  // thawed, else in rounds until no new member appears.
  void kill(const std::string& path) const;

  // Removes the cgroup, if it is empty.
  static void remove(const std::string& path);

  // Removes the cgroups of this machine's leases that are empty, in every hierarchy: a daemon that
  // was killed has left them. One of a job that is about to start is made again (make()).
  void remove_empty() const;

  // True when the process is in the cgroup or below it. By the cgroup's own list: whoever may make
  // cgroups of his own may give them any name.
  bool contains(const std::string& path, std::uint32_t pid) const;

 private:
  bool in_one_of_that_name(const std::string& path, std::uint32_t pid) const;
  // A cgroup in the machine's folder; "" where the folder has gone, or every name is in use.
  static Result<std::string> make_named(const std::string& folder, const std::string& name);
  Result<std::string> make_below(const std::string& root, const std::string& name) const;
  std::string slice() const;
  void limit_tasks(const std::string& root, const std::string& path) const;

  std::string machine_;
  Roots roots_;
};

// As LeaseCgroups::remove_empty(), for the simulated machine of that name, if it has gone. Nothing
// for words that name none.
void remove_lease_cgroups_of(const std::string& simulated_machine);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_LEASE_CGROUP_H_
