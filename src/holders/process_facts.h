// SPDX-License-Identifier: Apache-2.0
// What /proc tells of a process: enough to name it to people and to know it again.
#ifndef MIGCTL_HOLDERS_PROCESS_FACTS_H_
#define MIGCTL_HOLDERS_PROCESS_FACTS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "holders/owner.h"

namespace mig::holders {

struct ProcessFacts {
  std::string name;               // comm; "" = not visible
  std::uint64_t start_ticks = 0;  // 0 = unknown
  std::optional<std::uint32_t> uid;
  Owner owner;
};

ProcessFacts read_process(const std::string& proc, std::uint32_t pid);

// When the process of that number started, in ticks since boot; nullopt: there is none, or it has
// ended and only waits to be reaped. A number that is used again has another start.
std::optional<std::uint64_t> start_of(const std::string& proc, std::uint32_t pid);

}  // namespace mig::holders

#endif  // MIGCTL_HOLDERS_PROCESS_FACTS_H_
