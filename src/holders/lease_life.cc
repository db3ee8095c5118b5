// SPDX-License-Identifier: Apache-2.0
#include "holders/lease_life.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "base/process_start.h"
#include "holders/container.h"
#include "holders/process_facts.h"
#include "holders/unit.h"

namespace mig::holders {
namespace {

std::int64_t whole_ms(std::chrono::nanoseconds time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

}  // namespace

bool cgroup_lives(const std::string& path) {
  return !path.empty() && cgroup_populated(path);
}

Moment read_moment(base::Clock& clock, const std::string& proc) {
  return moment_of(clock, base::boot_id(proc));
}

Moment moment_of(base::Clock& clock, std::string boot_id) {
  return {whole_ms(clock.wall()), whole_ms(clock.monotonic()), std::move(boot_id)};
}

namespace {

// The record has the unit's cgroup. One of an older migctl has the name only: it is the unit of
// that name which the lease's user may name.
bool unit_holds(const store::LeaseRow& lease, const LifeRoots& roots) {
  if (!lease.holder.cgroup.empty()) {
    return unit_lives(roots.cgroups, {lease.holder.cgroup, lease.holder.cgroup_inode});
  }
  const std::string key = fmt::format("{}/{}", lease.uid, lease.holder.unit);
  if (roots.units != nullptr) {
    if (const auto known = roots.units->find(key);
        known != roots.units->end() && cgroup_populated(roots.cgroups + known->second)) {
      return true;
    }
  }
  const auto found =
      find_unit(roots.cgroups, lease.holder.unit, static_cast<std::uint32_t>(lease.uid));
  if (roots.units != nullptr && found) {
    (*roots.units)[key] = found->path;
  }
  return found.has_value();
}

}  // namespace

std::int64_t elapsed_ms(const store::LeaseRow& lease, const Moment& now) {
  const std::int64_t passed = lease.boot_id == now.boot_id ? now.boot_ms - lease.granted_boot_ms
                                                           : now.wall_ms - lease.granted_ms;
  return std::max<std::int64_t>(passed, 0);
}

std::optional<std::int64_t> left_ms(const store::LeaseRow& lease, const Moment& now) {
  if (!lease.limit_ms) {
    return std::nullopt;
  }
  return std::max<std::int64_t>(*lease.limit_ms - elapsed_ms(lease, now), 0);
}

Life life_of(const store::LeaseRow& lease, const Moment& now, const LifeRoots& roots) {
  const LeaseHolder::Kind kind = lease.holder.kind;
  const bool this_boot = lease.boot_id == now.boot_id;
  if (!lease.ending.empty()) {
    return this_boot ? Life::kLive : Life::kDead;  // no process survives a reboot
  }
  const auto lives = [&](const LeaseHolder& process) {
    const auto start = start_of(roots.proc, process.pid);
    return start && *start == process.start_ticks;
  };
  if (kind == LeaseHolder::Kind::kProcess) {
    const bool held =
        this_boot && (lives(lease.holder) ||
                      (lease.heir.kind == LeaseHolder::Kind::kProcess && lives(lease.heir)));
    const bool lingers = this_boot && lease.linger && cgroup_lives(lease.cgroup);
    // A container outlives the client that started it.
    const bool contained =
        this_boot && is_containers_cgroup(lease.cgroup) && containers_live(lease.cgroup);
    if (!held && !lingers && !contained) {
      return Life::kDead;
    }
  }
  if (kind == LeaseHolder::Kind::kUnit && !unit_holds(lease, roots)) {
    return Life::kDead;
  }
  if (lease.holder.is_external()) {
    return Life::kLive;  // until it is released
  }
  const auto left = left_ms(lease, now);
  return left && *left == 0 ? Life::kExpired : Life::kLive;
}

}  // namespace mig::holders
