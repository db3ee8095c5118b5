// SPDX-License-Identifier: Apache-2.0
// Compose's variables in a text: $VAR, ${VAR}, ${VAR:-default}, ${VAR-default}, ${VAR:?why},
// ${VAR?why}, ${VAR:+other}, ${VAR+other}; "$$" is a dollar sign.
//
// Threading: pure functions.
#ifndef MIGCTL_CONFIG_INTERPOLATE_H_
#define MIGCTL_CONFIG_INTERPOLATE_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace mig::config {

// The value of a variable; nullopt: it is not set.
using Variables = std::function<std::optional<std::string>(const std::string&)>;

struct Interpolated {
  std::string text;
  // What cannot be told: a variable without value and default, or a form that is not read here (a
  // variable inside of another's default). `text` is as it was written then.
  std::optional<std::string> unknown;
};

Interpolated interpolate(std::string_view text, const Variables& variables);

}  // namespace mig::config

#endif  // MIGCTL_CONFIG_INTERPOLATE_H_
