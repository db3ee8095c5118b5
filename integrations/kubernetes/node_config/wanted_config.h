// SPDX-License-Identifier: Apache-2.0
// The layout file in a ConfigMap. Threading: pure functions.
#ifndef MIGCTL_KUBERNETES_NODE_CONFIG_WANTED_CONFIG_H_
#define MIGCTL_KUBERNETES_NODE_CONFIG_WANTED_CONFIG_H_

#include <string>

#include "mig/result.h"

#include "base/json.h"

namespace mig::kube {

// "config.yaml", as mig-manager reads it.
inline constexpr const char* kConfigKey = "config.yaml";

// data["config.yaml"]. `name`: "gpu-operator/mig-config", for messages.
Result<std::string> config_text(const base::Json& config_map, const std::string& name);

// kInvalidInput names ConfigMap, line and column; kNotFound: there is no config of that name, and
// which there are.
Result<void> check_config(const std::string& text,
                          const std::string& wanted,
                          const std::string& name);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_NODE_CONFIG_WANTED_CONFIG_H_
