// SPDX-License-Identifier: Apache-2.0
// One mig-kubelet per node, whichever interface it serves: two would offer the same instances.
#ifndef MIGCTL_KUBERNETES_PLUGIN_NODE_LOCK_H_
#define MIGCTL_KUBERNETES_PLUGIN_NODE_LOCK_H_

#include <string>

#include "mig/result.h"

#include "base/file_lock.h"

namespace mig::kube {

// `folder`: of the driver, beside its socket; all copies on a node share it. Waits for a
// predecessor that ends just now. kConflict names the other process.
Result<base::FileLock> node_lock(const std::string& folder);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_PLUGIN_NODE_LOCK_H_
