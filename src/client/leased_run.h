// SPDX-License-Identifier: Apache-2.0
// Runs on leased instances: combines leases and jobs (launch/run.h), for every program that starts
// jobs. Without a daemon and without a writable lease store, jobs are protected by claims against
// other runs only.
#ifndef MIGCTL_CLIENT_LEASED_RUN_H_
#define MIGCTL_CLIENT_LEASED_RUN_H_

#include <cstdint>
#include <memory>
#include <string>

#include "mig/result.h"

#include "client/lease_client.h"
#include "launch/run.h"
#include "wire/wire.h"

namespace mig::client {

struct RunLeaseOptions {
  std::int32_t priority = 0;
  bool preempt = false;
  bool linger = false;    // processes that outlive the command keep the lease, up to its limit
  std::string gpu, slot;  // as the user wrote them
  // Set once the lease is granted: its machine.
  std::shared_ptr<wire::Source> source = std::make_shared<wire::Source>();
};

// A sentence for the user where an instance just misses the memory that is asked for; "" = none.
std::string near_miss_note(LeaseClient& client, const lease::LeaseRequest& request);

// Sets request.lease: through the daemon if one listens, else on the store if this user may write
// it. Left unset, with a note to the observer, where there is neither. kPermission when a daemon is
// expected and absent: free instances are then unknown.
Result<void> lease_for_run(const Options& options,
                           const OpenNode& node,
                           const RunLeaseOptions& wanted,
                           launch::RunRequest& request);

}  // namespace mig::client

#endif  // MIGCTL_CLIENT_LEASED_RUN_H_
