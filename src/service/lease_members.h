// SPDX-License-Identifier: Apache-2.0
// Processes of a lease: what is ended when the lease is over.
//
//   - the members of its cgroup (service/lease_cgroup.h); where containers' cgroups are in it, the
//     processes of these and the engine's client that starts them;
//   - its user's processes on its instance, by open nodes and by the driver's list, unless the user
//     has another lease of the same instance: started by at or cron, through ptrace, or with a
//     descriptor that was kept open. Never root's: monitoring runs on every instance;
//   - of a lease of an external component: all that the driver lists on the instance, whoever's.
//   They
//     are that component's to end (a pod's): the lease waits for their end and signals none;
//   - without a cgroup: the job itself (the heir or, of a stoppable lease without one that was not
//     given back, the holder) and its descendants.
//
// Each is identified by pid and start time, and signalled through a pidfd.
//
// Threading: not thread-safe.
#ifndef MIGCTL_SERVICE_LEASE_MEMBERS_H_
#define MIGCTL_SERVICE_LEASE_MEMBERS_H_

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "mig/inventory.h"

#include "holders/holders.h"
#include "holders/instance_users.h"
#include "lease/lease.h"
#include "service/lease_cgroup.h"
#include "store/leases.h"

namespace mig::service {

// Sends a signal to the process, if it is still the same. False: it has ended.
bool signal_process(const std::string& proc, const lease::LeaseHolder& process, int signal);

class LeaseMembers {
 public:
  LeaseMembers(LeaseCgroups cgroups, holders::Roots roots)
      : cgroups_(std::move(cgroups)), roots_(std::move(roots)) {}

  const LeaseCgroups& cgroups() const { return cgroups_; }

  // The job: the members of the lease's cgroup or, without one, the command and its descendants.
  std::vector<lease::LeaseHolder> job(const store::LeaseRow& lease) const;

  using Users = std::vector<holders::InstanceUser>;

  // Processes of these users on instances, by one look at all processes: that costs milliseconds,
  // so one serves all leases that are over. Root's are never asked for.
  Users on_instances(const Inventory& now, const std::set<std::uint32_t>& uids) const;

  // Processes on the lease's instance by the driver's list, whoever's. Root's monitoring has no
  // context there, so it is not in that list.
  std::vector<lease::LeaseHolder> on_instance(const store::LeaseRow& lease,
                                              const Inventory& now) const;

  // Processes of the lease: `job`, which was read before `users` (a descriptor can be handed from
  // the job to a process outside of it, but no process comes into a job of its own accord), and its
  // user's on its instance. `covered`: its user has another lease of the instance.
  static std::vector<lease::LeaseHolder> all_of(const store::LeaseRow& lease,
                                                bool covered,
                                                std::vector<lease::LeaseHolder> job,
                                                const Users& users);

  // True when none of them can be left, without a look at the instance: only the cgroup and the
  // job are asked. False: the instance is to be looked at too, or some are left.
  bool surely_gone(const store::LeaseRow& lease, bool covered) const;

  // SIGTERM to each.
  void ask(const std::vector<lease::LeaseHolder>& members) const;
  // SIGKILL to each, and to what the cgroup forks meanwhile.
  void kill(const store::LeaseRow& lease, const std::vector<lease::LeaseHolder>& members) const;

  // SIGTERM to the job of a lease that has to make room: its holder passes the signal on to the
  // command; the rest of the members get it from here. A holder that is gone is replaced by the
  // heir.
  void ask_job(const store::LeaseRow& lease) const;

 private:
  std::vector<lease::LeaseHolder> descendants(const store::LeaseRow& lease) const;
  bool client_lives(const store::LeaseRow& lease) const;

  LeaseCgroups cgroups_;
  holders::Roots roots_;
};

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_LEASE_MEMBERS_H_
