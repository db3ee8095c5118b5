// SPDX-License-Identifier: Apache-2.0
// A run on leased instances: the join of leases and jobs (launch/run.h), for everybody who starts
// jobs. Where neither a daemon nor a store of one's own keeps leases, jobs hold their instances by
// claims against other runs alone.
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
  std::string gpu, slot;  // as the user wrote them
  // Filled when the lease is there: of which machine it is.
  std::shared_ptr<wire::Source> source = std::make_shared<wire::Source>();
};

// Sets request.lease: through the daemon where one listens, else on the store where that is this
// user's. Left unset, with a note to the observer, where there is neither. kPermission when a
// daemon should be there and is not: whose instances are free, nobody could say.
Result<void> lease_for_run(const Options& options,
                           const OpenNode& node,
                           const RunLeaseOptions& wanted,
                           launch::RunRequest& request);

}  // namespace mig::client

#endif  // MIGCTL_CLIENT_LEASED_RUN_H_
