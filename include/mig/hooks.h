// SPDX-License-Identifier: Apache-2.0
// Content of a hooks file (mig-parted's v1 format): programs to run around a change. Plain values.
#ifndef MIG_HOOKS_H_
#define MIG_HOOKS_H_

#include <map>
#include <string>
#include <vector>

namespace mig {

struct HookCommand {
  std::string command;  // a path, or a name to look up in $PATH
  std::vector<std::string> args;
  std::map<std::string, std::string> envs;  // the hook's whole environment
  std::string workdir;                      // working folder; "" = inherited
};

using HookList = std::vector<HookCommand>;  // run in order; the first failure ends the list

// apply-exit runs whatever the result of the change, except when apply-start failed.
struct Hooks {
  HookList apply_start, pre_apply_mode, pre_apply_config, apply_exit;
};

}  // namespace mig

#endif  // MIG_HOOKS_H_
