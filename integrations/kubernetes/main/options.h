// SPDX-License-Identifier: Apache-2.0
// Inside of main/: the table of options, of which both parser and help are made.
#ifndef MIGCTL_KUBERNETES_MAIN_OPTIONS_H_
#define MIGCTL_KUBERNETES_MAIN_OPTIONS_H_

#include <string>
#include <string_view>
#include <vector>

#include "kubernetes/main/settings.h"

namespace mig::kube {

struct OptionRow {
  std::string name;   // "--node-name"
  std::string value;  // "NAME"; "a|b": one of these words; "PATH": absolute
  std::string help;
  std::string env;  // "" = none
  std::string Settings::*text;
};

const std::vector<OptionRow>& option_table();

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_MAIN_OPTIONS_H_
