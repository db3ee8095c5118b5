// SPDX-License-Identifier: Apache-2.0
// Inside of config/: the layout files that a file holds. It is one itself, or a list of documents
// ("---") of which some are; or a Kubernetes ConfigMap (a List of them too) has one as the text of
// its data, or Helm values have in migManager.config.data, as the GPU Operator takes it.
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
