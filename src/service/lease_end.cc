// SPDX-License-Identifier: Apache-2.0
// LeaseDesk: processes under a lease, from their start to their end with the lease.
#include <algorithm>
#include <csignal>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/strings.h"
#include "holders/container.h"
#include "service/lease_desk.h"

namespace mig::service {
namespace {

// Maximum age of the reading that tells that an instance is free of its user's processes.
constexpr node::Age kOfAnEnd = node::Age::at_most(std::chrono::milliseconds(25));

constexpr std::chrono::milliseconds kRounding{2};

// When the lease ended, by the monotonic clock.
std::chrono::nanoseconds ended_at(const lease::Leases::Ending& ending) {
  return base::system_clock().monotonic() - std::chrono::milliseconds(ending.since_ms);
}

constexpr std::chrono::seconds kBetweenUnleasedLooks{2};

// An empty machine, and the error, where it cannot be read.
node::Node::Snapshot read_for_end(node::Node& node, node::Age age, std::optional<Error>& unseen) {
  auto read = node.snapshot(age);
  if (read) {
    return *std::move(read);
  }
  unseen = std::move(read).error();
  return std::make_shared<const Inventory>();
}

enum Stage : std::int64_t { kNotAsked = 0, kAsked = 1, kKilled = 2 };

}  // namespace

// Jobs are read at once, users of instances when they are first asked for: after the jobs, and once
// for all leases.
class LeaseDesk::EndLook {
 public:
  EndLook(const LeaseMembers& members, const std::vector<lease::Leases::Ending>& all)
      : members_(members) {
    for (const lease::Leases::Ending& ending : all) {
      jobs_[ending.lease.id] = members.job(ending.lease);
      if (ending.lease.uid != 0 && !ending.covered && !ending.lease.holder.is_external()) {
        uids_.insert(ending.lease.uid);
      }
    }
  }

  std::vector<lease::LeaseHolder> members_of(const lease::Leases::Ending& ending,
                                             const Inventory& now) {
    if (ending.lease.holder.is_external()) {
      return members_.on_instance(ending.lease, now);
    }
    if (!users_) {
      users_ = members_.on_instances(now, uids_);
    }
    return LeaseMembers::all_of(ending.lease, ending.covered, jobs_.at(ending.lease.id), *users_);
  }

 private:
  const LeaseMembers& members_;
  std::map<std::int64_t, std::vector<lease::LeaseHolder>> jobs_;  // by lease
  std::set<std::uint32_t> uids_;
  std::optional<LeaseMembers::Users> users_;
};

// Signals what is due. `seen` false: the instance could not be looked at, so the lease stays.
lease::Leases::Settled LeaseDesk::press(const lease::Leases::Ending& ending,
                                        EndLook& look,
                                        const Inventory& now,
                                        bool seen) {
  const std::vector<lease::LeaseHolder> members = look.members_of(ending, now);
  lease::Leases::Settled settled;
  settled.lease = ending.lease.id;
  settled.stage = ending.lease.ending_stage;
  // A populated cgroup without a member that is seen: processes of another pid namespace.
  const bool hidden = members.empty() && LeaseCgroups::populated(ending.lease.cgroup);
  settled.processes =
      std::max<std::uint32_t>(static_cast<std::uint32_t>(members.size()), hidden || !seen ? 1 : 0);
  if (settled.processes == 0) {
    return settled;
  }
  if (ending.lease.holder.is_external()) {
    leaving_.insert(leaving_.end(), members.begin(), members.end());
    return settled;  // they are that component's to end
  }
  if (settled.stage == kNotAsked) {
    members_->ask(members);
    settled.stage = kAsked;
  }
  if (ending.left_ms == 0) {
    members_->kill(ending.lease, members);
    settled.stage = kKilled;
  }
  leaving_.insert(leaving_.end(), members.begin(), members.end());
  return settled;
}

// Whoever opens a node until then is seen by the look after that.
void LeaseDesk::close_nodes_of(const std::vector<lease::Leases::Ending>& all) {
  if (guard_) {
    static_cast<void>(keep_changed_nodes());  // guard() tells of failures; leases end anyway
  }
  const auto now = base::system_clock().monotonic();
  std::map<std::int64_t, std::chrono::nanoseconds> closed_at;
  for (const lease::Leases::Ending& ending : all) {
    const auto before = closed_at_.find(ending.lease.id);
    closed_at[ending.lease.id] = before == closed_at_.end() ? now : before->second;
  }
  closed_at_ = std::move(closed_at);
}

Result<bool> LeaseDesk::close_endings() {
  MIG_ASSIGN_OR_RETURN(const std::vector<lease::Leases::Ending> all, leases_.ending());
  if (all.empty()) {
    return false;
  }
  close_nodes_of(all);
  if (std::any_of(all.begin(), all.end(), [&](const auto& one) { return !told_of(one); })) {
    driver_->read();
  }
  return false;
}

// True when the last reading tells who is on the instance since the lease ended.
bool LeaseDesk::told_of(const lease::Leases::Ending& ending) const {
  return inventory_ && inventory_begun_ > ended_at(ending) + kRounding &&
         inventory_begun_ > closed_at_.at(ending.lease.id);
}

// In the daemon: by the last reading, if it was begun after the end. nullopt: not yet.
std::optional<lease::Leases::Settled> LeaseDesk::press_by_reading(
    const lease::Leases::Ending& ending, EndLook& look) {
  const bool told = told_of(ending);
  if (!told) {
    driver_->read();
    // A look at all processes for each pass would cost more than it tells: the reading comes in a
    // moment, except where the driver hangs.
    if (driver_->trouble().empty()) {
      return std::nullopt;
    }
  }
  const std::size_t before = leaving_.size();
  const auto pressed = press(ending, look, inventory_ ? *inventory_ : Inventory{}, told);
  return told || leaving_.size() > before ? std::optional(pressed) : std::nullopt;
}

Result<bool> LeaseDesk::enforce() {
  MIG_ASSIGN_OR_RETURN(const std::vector<lease::Leases::Ending> all, leases_.ending());
  leaving_.clear();
  if (all.empty()) {
    closed_at_.clear();
    return false;
  }
  close_nodes_of(all);
  std::optional<Error> unseen;
  node::Node::Snapshot now;
  std::vector<lease::Leases::Settled> settled;
  std::vector<std::string> free_cgroups;
  EndLook look(*members_, all);
  for (const lease::Leases::Ending& ending : all) {
    std::optional<lease::Leases::Settled> one;
    if (members_->surely_gone(ending.lease, ending.covered)) {
      one = lease::Leases::Settled{ending.lease.id, 0, ending.lease.ending_stage};
    } else if (driver_) {
      one = press_by_reading(ending, look);
    } else {
      now = now ? now : read_for_end(node_, guard_ ? node::Age::fresh() : kOfAnEnd, unseen);
      one = press(ending, look, *now, !unseen);
    }
    if (one && one->processes == 0) {
      free_cgroups.push_back(ending.lease.cgroup);
    }
    if (one) {
      settled.push_back(*one);
    }
  }
  MIG_ASSIGN_OR_RETURN(const std::uint32_t removed, leases_.settle(settled));
  for (const std::string& cgroup : free_cgroups) {
    LeaseCgroups::remove(cgroup);
  }
  if (unseen) {
    return *std::move(unseen);
  }
  return removed > 0;
}

Result<void> LeaseDesk::finish(std::int64_t lease) {
  constexpr std::chrono::milliseconds kBetweenLooks{10};
  constexpr std::int64_t kAfterKillMs = 5000;
  base::Clock& clock = base::system_clock();
  std::optional<std::chrono::nanoseconds> give_up;
  for (;;) {
    MIG_TRY(enforce());
    MIG_ASSIGN_OR_RETURN(const std::vector<lease::Leases::Ending> all, leases_.ending());
    const auto left = std::find_if(
        all.begin(), all.end(), [&](const auto& ending) { return ending.lease.id == lease; });
    if (left == all.end()) {
      return {};
    }
    if (!give_up) {
      give_up = clock.monotonic() + std::chrono::milliseconds(left->left_ms + kAfterKillMs);
    }
    if (clock.monotonic() >= *give_up) {
      return fail(ErrorCode::kTimeout,
                  left->lease.holder.is_external()
                      ? fmt::format("lease {} is over, but {} run on its instance: whoever {} is "
                                    "for ends them",
                                    lease,
                                    base::counted(left->lease.processes, "process"),
                                    left->lease.job)
                      : fmt::format("lease {} is over, but {} of its processes do not end, even "
                                    "after SIGKILL: they hang in the kernel",
                                    lease,
                                    left->lease.processes),
                  "the instance is not free until they are gone");
    }
    clock.sleep(kBetweenLooks);
  }
}

Result<lease::LeaseHolder> LeaseDesk::bequeath(std::int64_t lease,
                                               lease::LeaseHolder heir,
                                               const Peer& peer) {
  MIG_ASSIGN_OR_RETURN(const std::string of, may_change(peer));
  MIG_TRY(check_holder(heir, peer, peer));
  const auto cgroup = [&](const store::LeaseRow& row) -> Result<std::string> {
    return LeaseCgroups::exists(row.cgroup) || holders::is_containers_cgroup(row.cgroup)
               ? Result<std::string>(row.cgroup)
               : members_->cgroups().make(row.id);
  };
  MIG_ASSIGN_OR_RETURN(const store::LeaseRow row, leases_.announce(lease, of, heir, cgroup));
  if (row.cgroup.empty() || holders::is_containers_cgroup(row.cgroup)) {
    return heir;  // the engine's client is no member: its container is
  }
  if (auto placed = members_->cgroups().place(row.cgroup, heir); !placed) {
    return std::move(placed).error().in(fmt::format("lease {}", lease));
  }
  // Another process that keeps the leases may have ended this one meanwhile.
  MIG_ASSIGN_OR_RETURN(const bool live, leases_.is_live(lease));
  if (!live) {
    members_->cgroups().kill(row.cgroup);
    LeaseCgroups::remove(row.cgroup);
    return fail(ErrorCode::kConflict,
                fmt::format("lease {} is over", lease),
                "nothing is started under it any more; lease anew");
  }
  return heir;
}

Result<void> LeaseDesk::for_containers(std::int64_t lease,
                                       const lease::ContainerCgroups& how,
                                       const Peer& peer) {
  MIG_ASSIGN_OR_RETURN(const std::string of, may_change(peer));
  const auto cgroup = [&](const store::LeaseRow& row) -> Result<std::string> {
    // What is in the cgroup that the lease has would be in none of a lease's.
    if (LeaseCgroups::populated(row.cgroup)) {
      return fail(ErrorCode::kConflict,
                  fmt::format("lease {} has a job already", row.id),
                  "a container needs a lease of its own");
    }
    return members_->cgroups().make_for_containers(
        row.id, how, static_cast<std::uint32_t>(row.uid));
  };
  MIG_TRY(leases_.announce(lease, of, lease::LeaseHolder::time(), cgroup));
  return {};
}

// A container that its engine started after its lease was over: in the moment between the end and
// the answer of an engine that was already asked, or again (a restart policy).
Result<void> LeaseDesk::end_late_containers() {
  const auto all = members_->cgroups().all_for_containers();
  if (all.empty()) {
    return {};
  }
  MIG_ASSIGN_OR_RETURN(const std::vector<lease::Lease> leases, leases_.list(nullptr));
  for (const auto& [id, path] : all) {
    // By number: with cgroup v1 an engine makes a folder of the same name in each hierarchy.
    const bool known = std::any_of(
        leases.begin(), leases.end(), [id = id](const auto& lease) { return lease.id == id; });
    if (!known) {
      members_->cgroups().kill(path);
      LeaseCgroups::remove(path);
    }
  }
  return {};
}

Result<void> LeaseDesk::keep_nodes() {
  if (!guard_) {
    return {};
  }
  nodes_kept_ = guard_->nodes_changed();
  nodes_kept_at_ = base::system_clock().monotonic();
  MIG_ASSIGN_OR_RETURN(const Inventory* now, machine(age_));
  MIG_ASSIGN_OR_RETURN(let_in_, leases_.users());
  MIG_ASSIGN_OR_RETURN(const std::vector<lease::Lease> leases, leases_.list(nullptr));
  return guard_->keep(*now, leases);
}

// Between changes the driver's helper may reset a node (node_guard.h); a reading of the machine
// that is made only for this would keep an idle GPU open.
Result<void> LeaseDesk::guard(bool changed) {
  constexpr std::chrono::seconds kAgain{5};
  if (!guard_) {
    return {};
  }
  if (guard_->nodes_changed() != nodes_kept_) {
    MIG_TRY(machine(node::Age::fresh()));
    return keep_nodes();
  }
  if (changed) {
    return keep_changed_nodes();
  }
  if (base::system_clock().monotonic() - nodes_kept_at_ < kAgain) {
    return {};
  }
  MIG_ASSIGN_OR_RETURN(const lease::Leases::Load load, leases_.load());
  return load.leases == 0 ? Result<void>() : keep_nodes();
}

// A look at all nodes takes milliseconds; most changes are one user on one instance.
Result<void> LeaseDesk::keep_changed_nodes() {
  MIG_ASSIGN_OR_RETURN(auto users, leases_.users());
  std::set<std::string> changed;
  for (const auto& [uuid, uids] : users) {
    const auto before = let_in_.find(uuid);
    if (before == let_in_.end() || before->second != uids) {
      changed.insert(uuid);
    }
  }
  for (const auto& [uuid, uids] : let_in_) {
    if (!users.contains(uuid)) {
      changed.insert(uuid);
    }
  }
  let_in_ = std::move(users);
  if (changed.empty()) {
    return {};
  }
  MIG_ASSIGN_OR_RETURN(const Inventory* now, machine(age_));
  return guard_->keep_some(*now, changed, let_in_);
}

Result<std::vector<lease::UnleasedProcess>> LeaseDesk::find_unleased(node::Age age) {
  MIG_ASSIGN_OR_RETURN(const Inventory* now, machine(age));
  MIG_ASSIGN_OR_RETURN(const std::vector<lease::Lease> leases, leases_.list(nullptr));
  return unleased_.find(*now, leases, *members_, [this](std::uint32_t uid) {
    return tenant_of(peer_of_user(uid)).name;
  });
}

Result<std::optional<std::vector<lease::UnleasedProcess>>> LeaseDesk::unleased(const Peer& peer) {
  if (tenant_of(peer).role < Role::kOperator) {
    return std::optional<std::vector<lease::UnleasedProcess>>();
  }
  // The watch of a daemon, or another caller, has looked a moment ago.
  const auto now = base::system_clock().monotonic();
  if (!unleased_seen_ || now - unleased_seen_at_ > 2 * kBetweenUnleasedLooks) {
    MIG_ASSIGN_OR_RETURN(unleased_seen_, find_unleased(age_));
    unleased_seen_at_ = now;
  } else {
    unleased_.drop_ended(*unleased_seen_);
  }
  return unleased_seen_;
}

Result<void> LeaseDesk::watch_unleased(bool idle) {
  constexpr std::chrono::seconds kBetweenIdleLooks{10};
  const auto now = base::system_clock().monotonic();
  if (now - unleased_at_ < (idle ? kBetweenIdleLooks : kBetweenUnleasedLooks)) {
    return {};
  }
  unleased_at_ = now;
  MIG_TRY(end_late_containers());
  // Open nodes tell who is there, and an idle GPU stays closed: the last reading names the
  // instances. Programs on a simulated machine keep no node open.
  const bool last_serves = idle && inventory_ && !node_.simulated();
  const auto looked =
      find_unleased(last_serves ? node::Age::at_most(std::chrono::hours(24)) : quiet_age_);
  if (!looked) {
    return {};  // a machine that cannot be read; the pass tells of it
  }
  const std::vector<lease::UnleasedProcess>& found = *looked;
  unleased_seen_ = found;
  unleased_seen_at_ = now;
  const auto news = unleased_.news(found);
  MIG_TRY(leases_.count_unleased(found, news));
  for (const lease::UnleasedProcess& process : news) {
    if (tell_unleased_) {
      tell_unleased_(process);
    }
  }
  if (leases_.tenants().unleased == mig::Unleased::kEnd) {
    unleased_.end(found, now);
  }
  return {};
}

}  // namespace mig::service
