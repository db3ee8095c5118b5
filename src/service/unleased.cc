// SPDX-License-Identifier: Apache-2.0
#include "service/unleased.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include "holders/instance_users.h"
#include "holders/process_facts.h"
#include "model/instance.h"

namespace mig::service {
namespace {

lease::LeaseHolder identity_of(const lease::UnleasedProcess& process) {
  return lease::LeaseHolder::process(process.pid, process.start_ticks);
}

// The name that a process chose for itself, as one line of text.
std::string printable(std::string name) {
  const auto control = [](unsigned char c) { return c < 0x20 || c >= 0x7F; };
  std::replace_if(name.begin(), name.end(), control, '?');
  return name;
}

}  // namespace

std::vector<lease::UnleasedProcess> UnleasedWatch::find(
    const Inventory& now,
    const std::vector<lease::Lease>& leases,
    const LeaseMembers& members,
    const std::function<std::string(std::uint32_t uid)>& tenant_of) const {
  const auto covered = [&](const holders::InstanceUser& user) {
    return std::any_of(leases.begin(), leases.end(), [&](const lease::Lease& lease) {
      return lease.instance.uuid == user.uuid &&
             (lease.uid == user.uid || lease.holder.is_external() ||
              (!lease.cgroup.empty() && members.cgroups().contains(lease.cgroup, user.pid)));
    });
  };
  const std::vector<Instance> instances = instances_of(now);
  std::vector<lease::UnleasedProcess> found;
  if (instances.empty()) {
    return found;  // without a search of /proc
  }
  for (holders::InstanceUser& user : holders::users_of_instances(now, roots_, std::nullopt)) {
    const auto instance = std::find_if(
        instances.begin(), instances.end(), [&](const auto& one) { return one.uuid == user.uuid; });
    if (user.uid == 0 || instance == instances.end() || covered(user)) {
      continue;
    }
    found.push_back({user.pid,
                     user.start_ticks,
                     user.uid,
                     tenant_of(user.uid),
                     printable(std::move(user.name)),
                     *instance});
  }
  return found;
}

void UnleasedWatch::drop_ended(std::vector<lease::UnleasedProcess>& found) const {
  const auto ended = [this](const lease::UnleasedProcess& process) {
    return holders::start_of(roots_.proc, process.pid) != process.start_ticks;
  };
  found.erase(std::remove_if(found.begin(), found.end(), ended), found.end());
}

std::vector<lease::UnleasedProcess> UnleasedWatch::news(
    const std::vector<lease::UnleasedProcess>& found) {
  std::map<Key, Known> now;
  std::vector<lease::UnleasedProcess> fresh;
  for (const lease::UnleasedProcess& process : found) {
    const Key key{{process.pid, process.start_ticks}, process.instance.uuid};
    const auto before = known_.find(key);
    if (before == known_.end()) {
      fresh.push_back(process);
    }
    now[key] = before == known_.end() ? Known{} : before->second;
  }
  known_ = std::move(now);
  return fresh;
}

void UnleasedWatch::end(const std::vector<lease::UnleasedProcess>& found,
                        std::chrono::nanoseconds now) {
  for (const lease::UnleasedProcess& process : found) {
    Known& known = known_[{{process.pid, process.start_ticks}, process.instance.uuid}];
    if (known.asked.count() < 0) {
      known.asked = now;
      static_cast<void>(signal_process(roots_.proc, identity_of(process), SIGTERM));
    } else if (now - known.asked >= kGrace) {
      static_cast<void>(signal_process(roots_.proc, identity_of(process), SIGKILL));
    }
  }
}

}  // namespace mig::service
