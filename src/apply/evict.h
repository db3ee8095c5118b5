// SPDX-License-Identifier: Apache-2.0
// Evicts processes that block a plan: the user's hook, SIGTERM, and SIGKILL after the grace period.
// Only processes that the plan names, each identified by pid and start time, so that a reused pid
// is never signalled.
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
  std::string text;  // the process for messages: "pid 41 (python, uid 1000) on GPU 0 gi=3"
};

// All blockers of `plan`, deduplicated. kInUse when one must not be signalled: a service or display
// (the message says how to stop it), or a process of unknown start time.
Result<std::vector<Evictee>> evictees(const Plan& plan, const holders::Report& report);

struct EvictOptions {
  std::chrono::milliseconds grace{0};
  std::function<Result<void>(const Evictee&)> hook;  // called before the first signal; empty = none
  std::function<void(const std::string&)> tell;      // progress callback, one line per action
  std::string proc = base::proc_root();
  const std::atomic<bool>* stop = nullptr;  // stop flag: when set, no further signal is sent
};

// Sends SIGTERM, then SIGKILL after the grace period, and returns when all processes have ended.
// Errors: the hook's, before any signal; kPermission; kRolledBack when stopped; kTimeout, naming
// processes that survive even SIGKILL (for example in uninterruptible sleep inside the driver).
Result<void> evict(const std::vector<Evictee>& who,
                   const EvictOptions& options,
                   base::Clock& clock);

}  // namespace mig::apply

#endif  // MIGCTL_APPLY_EVICT_H_
