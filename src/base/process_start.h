// SPDX-License-Identifier: Apache-2.0
// When a process started: with its pid and the boot it names one process for good, which the pid
// alone never does. Numbers are used again, in containers from 1 on at every start.
#ifndef MIGCTL_BASE_PROCESS_START_H_
#define MIGCTL_BASE_PROCESS_START_H_

#include <cstdint>
#include <optional>
#include <string>

namespace mig::base {

// Ticks since boot of the process of that number; nullopt: there is none, or it has ended and only
// waits to be reaped. `proc`: where /proc lies.
std::optional<std::uint64_t> process_start(const std::string& proc, std::int64_t pid);

// Of the host; "" = not told. After another one every process of before is gone.
std::string boot_id(const std::string& proc);

}  // namespace mig::base

#endif  // MIGCTL_BASE_PROCESS_START_H_
