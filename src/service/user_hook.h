// SPDX-License-Identifier: Apache-2.0
// A user's program that takes part in a change (--evict-hook, --migrate): run without arguments and
// without a shell, in this process's environment with a few additional variables.
#ifndef MIGCTL_SERVICE_USER_HOOK_H_
#define MIGCTL_SERVICE_USER_HOOK_H_

#include <atomic>
#include <chrono>
#include <map>
#include <string>

#include "mig/result.h"

namespace mig::service {

struct UserHook {
  std::string name;     // name for messages: "evict"
  std::string program;  // a path, or a name to look up in $PATH
  std::chrono::milliseconds timeout = std::chrono::minutes(10);
  const std::atomic<bool>* stop = nullptr;  // stop flag, see launch::HookRun
};

// kHook when it cannot be started or fails, kTimeout when it was killed after its time, kRolledBack
// when stopped; with its last line of output. `output` receives all of it.
Result<void> run_user_hook(const UserHook& hook,
                           const std::map<std::string, std::string>& variables,
                           std::string& output);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_USER_HOOK_H_
