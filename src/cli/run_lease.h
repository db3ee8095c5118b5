// SPDX-License-Identifier: Apache-2.0
// Inside of cli/: the lease of what `run` runs on.
#ifndef MIGCTL_CLI_RUN_LEASE_H_
#define MIGCTL_CLI_RUN_LEASE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "cli/command.h"
#include "launch/run.h"
#include "wire/wire.h"

namespace mig::cli {

struct RunLeaseOptions {
  std::int32_t priority = 0;
  bool preempt = false;
  std::string gpu, slot;  // as the user wrote them
  // Filled when the lease is there: of which machine it is.
  std::shared_ptr<wire::Source> source = std::make_shared<wire::Source>();
};

// Sets request.lease: through the daemon where one listens, else on the store where it is ours.
// Left unset, with a note, where there is neither: then a claim against other runs is all there is.
// kPermission when a daemon should be there and is not: whose instances are free, nobody could say.
Result<void> lease_for_run(Context& context,
                           const RunLeaseOptions& options,
                           launch::RunRequest& request);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_RUN_LEASE_H_
