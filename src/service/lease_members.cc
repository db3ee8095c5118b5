// SPDX-License-Identifier: Apache-2.0
#include "service/lease_members.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "base/fd.h"
#include "holders/container.h"
#include "holders/descendants.h"
#include "holders/instance_users.h"
#include "holders/process_facts.h"

namespace mig::service {
namespace {

using lease::LeaseHolder;

void add(std::vector<LeaseHolder>& all, const LeaseHolder& one) {
  if (std::find(all.begin(), all.end(), one) == all.end()) {
    all.push_back(one);
  }
}

}  // namespace

bool signal_process(const std::string& proc, const LeaseHolder& process, int signal) {
  if (process.kind != LeaseHolder::Kind::kProcess) {
    return false;
  }
  const base::Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  return pidfd.valid() && holders::start_of(proc, process.pid) == process.start_ticks &&
         ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0;
}

std::vector<LeaseHolder> LeaseMembers::descendants(const store::LeaseRow& lease) const {
  const bool heir = lease.heir.kind == LeaseHolder::Kind::kProcess;
  const LeaseHolder& job = heir ? lease.heir : lease.holder;
  if (!heir && lease.ending == lease::kReleased) {
    return {};  // the holder gave it back: it goes on, with other things
  }
  std::vector<LeaseHolder> all;
  if (job.kind != LeaseHolder::Kind::kProcess || (!heir && !lease.stoppable) ||
      holders::start_of(roots_.proc, job.pid) != job.start_ticks) {
    return all;
  }
  all = holders::descendants_of(roots_.proc, job.pid);
  all.push_back(job);
  return all;
}

// The engine's client, which is in no cgroup of the lease: it may be about to start the container.
bool LeaseMembers::client_lives(const store::LeaseRow& lease) const {
  return holders::is_containers_cgroup(lease.cgroup) &&
         lease.heir.kind == LeaseHolder::Kind::kProcess &&
         holders::start_of(roots_.proc, lease.heir.pid) == lease.heir.start_ticks;
}

std::vector<LeaseHolder> LeaseMembers::job(const store::LeaseRow& lease) const {
  if (lease.cgroup.empty()) {
    return descendants(lease);
  }
  std::vector<LeaseHolder> all;
  for (const std::uint32_t pid : LeaseCgroups::members(lease.cgroup)) {
    if (const auto start = holders::start_of(roots_.proc, pid)) {
      all.push_back(LeaseHolder::process(pid, *start));
    }
  }
  if (client_lives(lease)) {
    all.push_back(lease.heir);
  }
  return all;
}

LeaseMembers::Users LeaseMembers::on_instances(const Inventory& now,
                                               const std::set<std::uint32_t>& uids) const {
  return uids.empty() ? Users() : holders::users_of_instances(now, roots_, uids);
}

std::vector<LeaseHolder> LeaseMembers::on_instance(const store::LeaseRow& lease,
                                                   const Inventory& now) const {
  std::vector<LeaseHolder> all;
  const Gpu* gpu = now.find_gpu(lease.instance.gpu_uuid);
  for (const Process& process :
       gpu == nullptr ? std::vector<Process>() : gpu->processes_on(lease.instance.gpu_instance)) {
    const auto start = holders::start_of(roots_.proc, process.pid);
    const bool elsewhere =
        process.compute_instance && *process.compute_instance != lease.instance.compute_instance;
    if (start && !elsewhere) {
      add(all, LeaseHolder::process(process.pid, *start));
    }
  }
  return all;
}

std::vector<LeaseHolder> LeaseMembers::all_of(const store::LeaseRow& lease,
                                              bool covered,
                                              std::vector<LeaseHolder> job,
                                              const Users& users) {
  if (lease.uid == 0 || covered) {
    return job;
  }
  for (const holders::InstanceUser& user : users) {
    if (user.uid == lease.uid && user.uuid == lease.instance.uuid) {
      add(job, LeaseHolder::process(user.pid, user.start_ticks));
    }
  }
  return job;
}

bool LeaseMembers::surely_gone(const store::LeaseRow& lease, bool covered) const {
  if (lease.holder.is_external()) {
    return false;  // its instance tells
  }
  if (LeaseCgroups::populated(lease.cgroup) || client_lives(lease)) {
    return false;
  }
  return (lease.uid == 0 || covered) && (!lease.cgroup.empty() || descendants(lease).empty());
}

void LeaseMembers::ask(const std::vector<LeaseHolder>& members) const {
  for (const LeaseHolder& member : members) {
    static_cast<void>(signal_process(roots_.proc, member, SIGTERM));
  }
}

void LeaseMembers::kill(const store::LeaseRow& lease,
                        const std::vector<LeaseHolder>& members) const {
  if (LeaseCgroups::populated(lease.cgroup)) {
    cgroups_.kill(lease.cgroup);
  }
  for (const LeaseHolder& member : members) {
    static_cast<void>(signal_process(roots_.proc, member, SIGKILL));
  }
}

void LeaseMembers::ask_job(const store::LeaseRow& lease) const {
  const bool held = signal_process(roots_.proc, lease.holder, SIGTERM);
  if (!held) {
    static_cast<void>(signal_process(roots_.proc, lease.heir, SIGTERM));
  }
  for (const std::uint32_t pid : LeaseCgroups::members(lease.cgroup)) {
    const auto start = holders::start_of(roots_.proc, pid);
    const auto kin = holders::kin_of(roots_.proc, pid);
    // The command, and its process group where it leads one, have it from the holder.
    if (!start || !kin || pid == lease.heir.pid || (held && kin->group == lease.heir.pid)) {
      continue;
    }
    static_cast<void>(signal_process(roots_.proc, LeaseHolder::process(pid, *start), SIGTERM));
  }
}

}  // namespace mig::service
