// SPDX-License-Identifier: Apache-2.0
// Inside of launch/: which device sandbox the commands of a job get.
#ifndef MIGCTL_LAUNCH_SANDBOX_H_
#define MIGCTL_LAUNCH_SANDBOX_H_

#include <string>
#include <vector>

#include "mig/result.h"

#include "launch/confine.h"
#include "launch/run.h"
#include "launch/take.h"

namespace mig::launch {

// One for each instance; empty: none, and `note` says why if one was wanted. An error: the job must
// not start without (--devices own, --compat index).
Result<std::vector<Confinement>> sandboxes_of(const JobCommand& command,
                                              const std::vector<TakenInstance>& taken,
                                              const DeviceRoots& roots,
                                              std::string& note);

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_SANDBOX_H_
