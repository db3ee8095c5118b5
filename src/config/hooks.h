// SPDX-License-Identifier: Apache-2.0
// Hooks files: mig-parted's v1 format (YAML or JSON), parsed strictly: an unknown list, an unknown
// field and a hook without a command are errors with file:line:column.
#ifndef MIGCTL_CONFIG_HOOKS_H_
#define MIGCTL_CONFIG_HOOKS_H_

#include <string_view>

#include "mig/hooks.h"
#include "mig/result.h"

namespace mig::config {

// `file` is used in messages only.
Result<Hooks> parse_hooks(std::string_view text, std::string_view file);

}  // namespace mig::config

#endif  // MIGCTL_CONFIG_HOOKS_H_
