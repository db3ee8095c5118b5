// SPDX-License-Identifier: Apache-2.0
// Inside of launch/: acquires the instances of a job, by leases or by claims, all or none.
#ifndef MIGCTL_LAUNCH_TAKE_H_
#define MIGCTL_LAUNCH_TAKE_H_

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
  std::optional<Claim> claim = std::nullopt;  // none on a shared instance
};

struct Taken {
  std::vector<TakenInstance> instances;
  std::shared_ptr<void> lease = {};                              // released with the last reference
  std::function<void(std::size_t which, int pid)> started = {};  // reports a lease's heir
  std::optional<std::chrono::milliseconds> limit = {};           // of the leases
};

Result<Taken> take_instances(const RunRequest& request,
                             const ReadInventory& read,
                             const std::string& claims);

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_TAKE_H_
