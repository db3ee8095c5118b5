// SPDX-License-Identifier: Apache-2.0
// Start time of a process: together with pid and boot id it identifies a process; the pid alone
// does not, because pids are reused, in containers from 1 on at every start.
#ifndef MIGCTL_BASE_PROCESS_START_H_
#define MIGCTL_BASE_PROCESS_START_H_

#include <cstdint>
#include <optional>
#include <string>

namespace mig::base {

// Start time of process `pid` in ticks since boot; with the pid it identifies a process despite pid
// reuse. nullopt: no such process, or a zombie. `proc`: path of /proc.
std::optional<std::uint64_t> process_start(const std::string& proc, std::int64_t pid);

// Boot id of the host; "" = unknown. A changed id means that every earlier process is gone.
std::string boot_id(const std::string& proc);

}  // namespace mig::base

#endif  // MIGCTL_BASE_PROCESS_START_H_
