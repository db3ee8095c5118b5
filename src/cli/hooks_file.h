// SPDX-License-Identifier: Apache-2.0
// The hooks file option of apply and restore, and the variables for its hooks.
#ifndef MIGCTL_CLI_HOOKS_FILE_H_
#define MIGCTL_CLI_HOOKS_FILE_H_

#include <map>
#include <string>

#include "mig/result.h"

#include "cli/options.h"
#include "service/change.h"

namespace mig::cli {

using HookVariables = std::map<std::string, std::string>;

class HooksFile {
 public:
  void declare(Options& options);

  bool given() const { return !file_.empty(); }

  // The hooks, where a file is given, and MIG_PARTED_* variables as mig-parted gives them to hooks:
  // `more`, and those of the flags.
  Result<void> fill(HookVariables more, service::ChangeOptions& options) const;

 private:
  std::string file_;
};

}  // namespace mig::cli

#endif  // MIGCTL_CLI_HOOKS_FILE_H_
