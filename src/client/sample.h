// SPDX-License-Identifier: Apache-2.0
// The latest sample of the daemon's sampler (model/sample.h): for programs that show what instances
// do. Threading: a pure call. Errors: kNoDriver when no daemon listens on the machine's socket;
// kPermission for a user whose tenant may not look; the daemon's own.
#ifndef MIGCTL_CLIENT_SAMPLE_H_
#define MIGCTL_CLIENT_SAMPLE_H_

#include <chrono>

#include "mig/result.h"

#include "client/machine.h"
#include "model/sample.h"

namespace mig::client {

inline constexpr std::chrono::milliseconds kSamplePatience{2000};

// MachineSample::withdrawn is set while there is nothing to read. A tenant gets leases and
// processes of its own only.
Result<MachineSample> sample(const Options& options,
                             std::chrono::milliseconds patience = kSamplePatience);

}  // namespace mig::client

#endif  // MIGCTL_CLIENT_SAMPLE_H_
