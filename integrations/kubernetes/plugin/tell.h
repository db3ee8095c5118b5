// SPDX-License-Identifier: Apache-2.0
// Lines for the program's log, from code that does not log itself.
#ifndef MIGCTL_KUBERNETES_PLUGIN_TELL_H_
#define MIGCTL_KUBERNETES_PLUGIN_TELL_H_

#include <functional>
#include <string>

namespace mig::kube {

enum class Weight { kInfo, kWarning, kError };

// Called from any thread; thread-safe.
using Tell = std::function<void(Weight, const std::string& line)>;

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_PLUGIN_TELL_H_
