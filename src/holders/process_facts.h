// SPDX-License-Identifier: Apache-2.0
// Facts of a process from /proc: enough to name it in a message and to identify it again.
#ifndef MIGCTL_HOLDERS_PROCESS_FACTS_H_
#define MIGCTL_HOLDERS_PROCESS_FACTS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "holders/owner.h"

namespace mig::holders {

struct ProcessFacts {
  std::string name;                  // comm; "" = not readable
  std::uint64_t start_ticks = 0;     // 0 = unknown
  std::optional<std::uint32_t> uid;  // real uid
  // Real and effective uid are 0: root started it, and no user did through a setuid program.
  bool roots = false;
  std::string system_unit;  // holders/owner.h
  Owner owner;
};

ProcessFacts read_process(const std::string& proc, std::uint32_t pid);

// Start time of process `pid` in ticks since boot; nullopt: no such process, or a zombie.
// Distinguishes a reused pid.
std::optional<std::uint64_t> start_of(const std::string& proc, std::uint32_t pid);

}  // namespace mig::holders

#endif  // MIGCTL_HOLDERS_PROCESS_FACTS_H_
