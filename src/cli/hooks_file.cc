// SPDX-License-Identifier: Apache-2.0
#include "cli/hooks_file.h"

#include <utility>

#include "service/layouts.h"

namespace mig::cli {

void HooksFile::declare(Options& options) {
  options.text({"-k,--hooks-file",
                "FILE",
                "programs to run around the change (mig-parted's v1 hooks file)",
                "MIG_PARTED_HOOKS_FILE"},
               file_);
}

Result<void> HooksFile::fill(HookVariables more, service::ChangeOptions& options) const {
  if (file_.empty()) {
    return {};
  }
  MIG_ASSIGN_OR_RETURN(options.hooks, service::read_hooks(file_));
  options.hook_variables = std::move(more);
  options.hook_variables["MIG_PARTED_HOOKS_FILE"] = file_;
  options.hook_variables["MIG_PARTED_MODE_CHANGE_ONLY"] = options.mode_only ? "true" : "false";
  return {};
}

}  // namespace mig::cli
