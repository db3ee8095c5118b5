// SPDX-License-Identifier: Apache-2.0
// What outlives a driver session of the sampler, which closes it for changes of the machine; and
// what of it outlives the process (store/watch.h).
#ifndef MIGCTL_OBSERVE_CARRIED_H_
#define MIGCTL_OBSERVE_CARRIED_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "model/sample.h"
#include "observe/budget.h"
#include "observe/energy.h"
#include "observe/identity.h"
#include "observe/xids.h"

namespace mig::observe {

// What a reader is at, for whoever watches over it from another thread.
struct Doing {
  std::atomic<const char*> part{""};  // a collector's name
  std::atomic<std::uint32_t> gpu{0};
};

struct Carried {
  std::uint64_t ticks = 0;
  std::optional<std::chrono::nanoseconds> last_tick;  // of the monotonic clock
  std::map<std::string, CollectorHealth> collectors;  // by name
  Doing doing;
  Generations generations;
  std::map<std::string, BoardEnergy> energy;                // by GPU UUID
  std::map<std::string, std::chrono::nanoseconds> counted;  // when its counter was last read
  // For reading counters: of a core, and of one tick at most.
  Budget counting{0.0035, std::chrono::milliseconds(10)};
  XidCounts xids;
  std::map<std::uint64_t, std::int64_t> idle_since_ms;  // by generation
};

// What outlives the process.
struct Accounts {
  std::uint64_t last_generation = 0;
  std::map<InstancePlace, Generations::Known> instances;
  std::map<std::string, BoardEnergy::State> boards;  // by GPU UUID
};

Accounts accounts_of(const Carried& carried);
void restore(const Accounts& accounts, Carried& carried);

}  // namespace mig::observe

#endif  // MIGCTL_OBSERVE_CARRIED_H_
