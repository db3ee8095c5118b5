// SPDX-License-Identifier: Apache-2.0
// Lifetime of a lease: until its holder ends (a process identified by pid and start time, or a
// systemd unit by its cgroup), and at most until its time limit. Holders of an earlier boot are
// gone; a limit without a holder counts in wall time across boots, and a wall clock that was set
// back costs nothing. A lease of an external component lives until it is released.
#ifndef MIGCTL_HOLDERS_LEASE_LIFE_H_
#define MIGCTL_HOLDERS_LEASE_LIFE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/proc_root.h"
#include "store/leases.h"

namespace mig::holders {

using lease::LeaseHolder;

struct Moment {
  std::int64_t wall_ms = 0;  // Unix time
  std::int64_t boot_ms = 0;  // CLOCK_BOOTTIME
  std::string boot_id;
};

Moment read_moment(base::Clock& clock, const std::string& proc);
// As read_moment(), for callers that know the boot id.
Moment moment_of(base::Clock& clock, std::string boot_id);

// A lease that is ending lives until it is removed, or the machine has booted again.
enum class Life { kLive, kExpired, kDead };

struct LifeRoots {
  std::string proc = base::proc_root();
  std::string cgroups = "/sys/fs/cgroup";
  // Cache for leases without a cgroup in their record, owned by the caller: "uid/unit" -> path.
  std::map<std::string, std::string>* units = nullptr;
};

// True when the cgroup at `path` has processes; false for "".
bool cgroup_lives(const std::string& path);

Life life_of(const store::LeaseRow& lease, const Moment& now, const LifeRoots& roots);

std::int64_t elapsed_ms(const store::LeaseRow& lease, const Moment& now);
// Time left of the lease's limit; nullopt = no limit. Never below 0.
std::optional<std::int64_t> left_ms(const store::LeaseRow& lease, const Moment& now);

}  // namespace mig::holders

#endif  // MIGCTL_HOLDERS_LEASE_LIFE_H_
