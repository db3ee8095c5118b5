// SPDX-License-Identifier: Apache-2.0
#include "holders/lease_life.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "base/process_start.h"
#include "holders/process_facts.h"

namespace mig::holders {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSmallLifeFile = 64U << 10U;

std::int64_t whole_ms(std::chrono::nanoseconds time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

bool populated(const fs::path& folder) {
  // cgroup v2 has the state of the whole subtree; v1 lists the processes of this cgroup only.
  if (const auto events = base::read_file(folder / "cgroup.events", kSmallLifeFile)) {
    return events->find("populated 1") != std::string::npos;
  }
  const auto processes = base::read_file(folder / "cgroup.procs", kSmallLifeFile);
  return processes && !processes->empty();
}

}  // namespace

Moment read_moment(base::Clock& clock, const std::string& proc) {
  Moment now;
  now.wall_ms = whole_ms(clock.wall());
  now.boot_ms = whole_ms(clock.monotonic());
  now.boot_id = base::boot_id(proc);
  return now;
}

std::optional<std::string> cgroup_of_unit(const std::string& cgroups, const std::string& unit) {
  constexpr int kDeepest = 6;
  constexpr int kMostFolders = 20'000;
  if (unit.empty() || unit.find('/') != std::string::npos) {
    return std::nullopt;
  }
  std::error_code error;
  int seen = 0;
  for (fs::recursive_directory_iterator
           entry(cgroups, fs::directory_options::skip_permission_denied, error),
       end;
       !error && entry != end && seen < kMostFolders;
       entry.increment(error)) {
    std::error_code ignored;
    if (!entry->is_directory(ignored)) {
      continue;
    }
    ++seen;
    if (entry.depth() >= kDeepest) {
      entry.disable_recursion_pending();
    }
    if (entry->path().filename() == unit && populated(entry->path())) {
      return entry->path().string().substr(cgroups.size());
    }
  }
  return std::nullopt;
}

namespace {

bool unit_lives(const std::string& unit, const LifeRoots& roots) {
  if (roots.units != nullptr) {
    if (const auto known = roots.units->find(unit);
        known != roots.units->end() && populated(roots.cgroups + known->second)) {
      return true;
    }
  }
  const auto found = cgroup_of_unit(roots.cgroups, unit);
  if (roots.units != nullptr && found) {
    (*roots.units)[unit] = *found;
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
  const auto lives = [&](const LeaseHolder& process) {
    const auto start = start_of(roots.proc, process.pid);
    return start && *start == process.start_ticks;
  };
  if (kind == LeaseHolder::Kind::kProcess) {
    const bool held =
        this_boot && (lives(lease.holder) ||
                      (lease.heir.kind == LeaseHolder::Kind::kProcess && lives(lease.heir)));
    if (!held) {
      return Life::kDead;
    }
  }
  if (kind == LeaseHolder::Kind::kUnit && !unit_lives(lease.holder.unit, roots)) {
    return Life::kDead;
  }
  const auto left = left_ms(lease, now);
  return left && *left == 0 ? Life::kExpired : Life::kLive;
}

}  // namespace mig::holders
