// SPDX-License-Identifier: Apache-2.0
// Inside of config/: finds the layouts in a file. The file is a layout itself, a list of documents
// ("---") with some layouts, a Kubernetes ConfigMap (or a List of them) whose data contains one, or
// Helm values with one in migManager.config.data, as the GPU Operator takes it.
#ifndef MIGCTL_CONFIG_LAYOUT_SOURCE_H_
#define MIGCTL_CONFIG_LAYOUT_SOURCE_H_

#include <string>
#include <string_view>
#include <vector>

#include "mig/result.h"

#include "config/document.h"

namespace mig::config {

struct LayoutSources {
  std::vector<Node> layouts;          // roots; positions refer to the outer file
  std::vector<std::string> notes;     // what was read from which place, and what was ignored
  std::vector<std::string> warnings;  // duplicate keys on the path to the layouts
};

// Empty when the file is empty. Refused (kInvalidInput): a file without a layout; an ambiguous
// choice between several texts.
Result<LayoutSources> find_layouts(std::string_view text, std::string_view file);

}  // namespace mig::config

#endif  // MIGCTL_CONFIG_LAYOUT_SOURCE_H_
