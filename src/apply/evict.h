// SPDX-License-Identifier: Apache-2.0
// Asks processes that stand in a plan's way to stop: a hook of the user's, SIGTERM, and SIGKILL for
// those who are still there after the grace. Only processes that the plan names, each known by pid
// and start: a number that somebody else has by now is never signalled.
#ifndef MIGCTL_APPLY_EVICT_H_
#define MIGCTL_APPLY_EVICT_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "mig/plan.h"
#include "mig/result.h"

#include "base/clock.h"
#include "base/proc_root.h"
#include "holders/holders.h"

namespace mig::apply {

struct Evictee {
  std::uint32_t pid = 0;
  std::uint64_t start_ticks = 0;
  GpuIndex gpu;
  std::optional<GpuInstanceId> gpu_instance;
  std::string text;  // "pid 41 (python, uid 1000) on GPU 0 gi=3"
};

// Everybody who blocks `plan`, each once. kInUse when one of them must not be signalled: a service
// or display (the words say how it is stopped), or a process whose start is not known.
Result<std::vector<Evictee>> evictees(const Plan& plan, const holders::Report& report);

struct EvictOptions {
  std::chrono::milliseconds grace{0};
  std::function<Result<void>(const Evictee&)> hook;  // before the first signal; empty = none
  std::function<void(const std::string&)> tell;      // a line for each thing done
  std::string proc = base::proc_root();
  const std::atomic<bool>* stop = nullptr;  // set: nobody is signalled any more
};

// Returns when all of them have ended. Errors: the hook's, before anybody was signalled;
// kPermission; kRolledBack when it is stopped; kTimeout, naming those who survive even SIGKILL
// (asleep in the driver, say).
Result<void> evict(const std::vector<Evictee>& who,
                   const EvictOptions& options,
                   base::Clock& clock);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_EVICT_H_
