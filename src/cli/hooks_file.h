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

  // Sets the hooks, if a file is given, and the MIG_PARTED_* variables for them, as mig-parted
  // does: `more`, and those of the flags.
  Result<void> fill(HookVariables more, service::ChangeOptions& options) const;

 private:
  std::string file_;
};

}  // namespace mig::cli

#endif  // MIGCTL_CLI_HOOKS_FILE_H_
