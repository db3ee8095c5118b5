// SPDX-License-Identifier: Apache-2.0
// Inside of api/: a kubeconfig file's current context. Threading: pure.
#ifndef MIGCTL_KUBERNETES_API_KUBECONFIG_H_
#define MIGCTL_KUBERNETES_API_KUBECONFIG_H_

#include <string>
#include <string_view>

#include "mig/result.h"

#include "kubernetes/api/client.h"

namespace mig::kube {

// `file`: where the text is from: names in it are relative to its folder.
Result<ApiConfig> parse_kubeconfig(std::string_view text, const std::string& file);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_API_KUBECONFIG_H_
