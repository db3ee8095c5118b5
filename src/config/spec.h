// SPDX-License-Identifier: Apache-2.0
// Layout files: mig-parted's v1 format (YAML or JSON), parsed strictly. Text -> Spec (with
// positions) -> DesiredLayout against an Inventory; and an Inventory back to text. Every error
// names file:line:column. Limits: 1 MiB of text, 32 levels of nesting, 1,000 configs, 10,000
// entries.
#ifndef MIGCTL_CONFIG_SPEC_H_
#define MIGCTL_CONFIG_SPEC_H_

#include <optional>
#include <string>
#include <string_view>

#include "mig/inventory.h"
#include "mig/layout.h"
#include "mig/result.h"

namespace mig::config {

// `file` is used in messages only ("-" = standard input). The text may also be a list of documents,
// a ConfigMap or Helm values that contain layouts; Spec::notes then tells what was read from where,
// and errors have positions in `file`. A duplicate key with equal values in a config is a warning;
// with different values that config alone is refused.
Result<Spec> parse_spec(std::string_view text, std::string_view file);

// Selects config `label` (nullopt: the only one) and resolves it against the machine. Strict where
// mig-parted is silent: errors for a selector or filter that matches no GPU (kNothingMatched) and
// for a profile that the GPU lacks (with the nearest names). Capacity is not checked here: the
// planner does.
Result<DesiredLayout> resolve(const Spec& spec,
                              const std::optional<std::string>& label,
                              const Inventory& inventory);

enum class Format { kYaml, kJson };

// The machine's layout as a layout file: valid input of parse_spec(), and equal to mig-parted's
// export.
std::string export_spec(const Inventory& inventory, std::string_view label, Format format);

}  // namespace mig::config

#endif  // MIGCTL_CONFIG_SPEC_H_
