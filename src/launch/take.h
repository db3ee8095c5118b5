// SPDX-License-Identifier: Apache-2.0
// Inside of launch/: acquires the instances of a job, by leases or by claims, all or none.
#ifndef MIGCTL_LAUNCH_TAKE_H_
#define MIGCTL_LAUNCH_TAKE_H_

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "launch/claim.h"
#include "launch/run.h"

namespace mig::launch {

struct TakenInstance {
  Instance instance;
  std::optional<Claim> claim = std::nullopt;  // none with a lease
};

struct Taken {
  std::vector<TakenInstance> instances;
  std::shared_ptr<void> lease = {};  // released with the last reference
  std::function<Result<std::string>(std::size_t which, int pid)> place = {};  // of leases
  std::optional<std::chrono::milliseconds> limit = {};                        // of the leases
  std::optional<Leased> leased = {};  // what was leased, without instances and `until`
};

// The time of a job, nullopt = no limit, and its grace period. A lease with a limit ends with the
// instance: the command gets its grace period before, but most of the time in any case.
std::optional<std::chrono::milliseconds> time_of_job(const Taken& taken, const JobLimits& limits);
std::chrono::milliseconds grace_of_job(const Taken& taken, const JobLimits& limits);

Result<Taken> take_instances(const RunRequest& request,
                             const ReadInventory& read,
                             const std::string& claims);

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_TAKE_H_
