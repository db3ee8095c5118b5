// SPDX-License-Identifier: Apache-2.0
// The hooks file option of apply and restore, and the variables for its hooks.
#ifndef MIGCTL_CLI_HOOKS_FILE_H_
#define MIGCTL_CLI_HOOKS_FILE_H_

#include <functional>
#include <map>
#include <string>

#include "mig/hooks.h"
#include "mig/layout.h"
#include "mig/plan.h"
#include "mig/result.h"

#include "cli/execute.h"
#include "cli/options.h"

namespace mig::cli {

class HooksFile {
 public:
  void declare(Options& options);

  bool given() const { return !file_.empty(); }

  const std::string& file() const { return file_; }

  Result<Hooks> read() const;  // without a file: no hooks

 private:
  std::string file_;
};

// MIG_PARTED_* variables of the flags, as mig-parted passes them to hooks.
using HookVariables = std::map<std::string, std::string>;
HookVariables hook_variables(const HooksFile& hooks, const ExecuteOptions& options);

// Plans `desired` for the current state; `around` false: busy instances are blockers, not pinned.
Result<Plan> plan_now(Context& context,
                      const std::function<Result<DesiredLayout>(const Inventory&)>& desired,
                      bool around);

// execute() with hooks around it. With --dry-run no hook runs.
Result<int> execute_with_hooks(Context& context,
                               const HooksFile& file,
                               HookVariables variables,
                               const std::function<Result<Plan>(bool around)>& plan,
                               const ExecuteOptions& options);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_HOOKS_FILE_H_
