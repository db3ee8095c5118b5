// SPDX-License-Identifier: Apache-2.0
// The option by which apply and restore take a hooks file, and what they tell its hooks.
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

  Result<Hooks> read() const;  // none given: no hooks

 private:
  std::string file_;
};

// MIG_PARTED_* variables of the flags, as mig-parted gives them to hooks.
using HookVariables = std::map<std::string, std::string>;
HookVariables hook_variables(const HooksFile& hooks, const ExecuteOptions& options);

// The plan for `desired` now; `around` false: busy instances block, they do not pin.
Result<Plan> plan_now(Context& context,
                      const std::function<Result<DesiredLayout>(const Inventory&)>& desired,
                      bool around);

// execute() with the hooks around it. With --dry-run none of them runs.
Result<int> execute_with_hooks(Context& context,
                               const HooksFile& file,
                               HookVariables variables,
                               const std::function<Result<Plan>(bool around)>& plan,
                               const ExecuteOptions& options);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_HOOKS_FILE_H_
