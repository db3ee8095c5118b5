// SPDX-License-Identifier: Apache-2.0
// mig-kubelet as a whole: what is started in which order, and who ends what.
#ifndef MIGCTL_KUBERNETES_MAIN_PROGRAM_H_
#define MIGCTL_KUBERNETES_MAIN_PROGRAM_H_

#include "kubernetes/main/settings.h"

namespace mig::kube {

// Serves until a signal; the exit code. Errors before that are in the log.
int serve(const Settings& settings);

// `mig-kubelet check`: 0, or why not on standard error.
int check(const Settings& settings);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_MAIN_PROGRAM_H_
