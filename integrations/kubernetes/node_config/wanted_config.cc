// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/node_config/wanted_config.h"

#include <vector>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/spec.h"

namespace mig::kube {

Result<std::string> config_text(const base::Json& config_map, const std::string& name) {
  const auto data = config_map.is_object() ? config_map.find("data") : config_map.end();
  if (data != config_map.end() && data->is_object()) {
    if (const auto text = data->find(kConfigKey); text != data->end() && text->is_string()) {
      return text->get<std::string>();
    }
  }
  return fail(ErrorCode::kInvalidInput,
              fmt::format("ConfigMap {} has no key {}", name, kConfigKey));
}

Result<void> check_config(const std::string& text,
                          const std::string& wanted,
                          const std::string& name) {
  MIG_ASSIGN_OR_RETURN(const Spec spec,
                       config::parse_spec(text, fmt::format("ConfigMap {} {}", name, kConfigKey)));
  std::vector<std::string> labels;
  for (const SpecConfig& config : spec.configs) {
    if (config.label == wanted) {
      return config.refused ? Result<void>(*config.refused) : Result<void>();
    }
    labels.push_back(config.label);
  }
  const auto near = base::nearest(wanted, labels, 1);
  return fail(ErrorCode::kNotFound,
              fmt::format("ConfigMap {} has no config {}; there are: {}",
                          name,
                          base::quoted(wanted),
                          base::join(labels, ", ")),
              near.empty() ? "" : fmt::format("did you mean {}?", near.front()));
}

}  // namespace mig::kube
