// SPDX-License-Identifier: Apache-2.0
// A program of the user's that takes part in a change (--evict-hook, --migrate): run without
// arguments and without a shell, in our environment with a few variables added.
#ifndef MIGCTL_SERVICE_USER_HOOK_H_
#define MIGCTL_SERVICE_USER_HOOK_H_

#include <atomic>
#include <chrono>
#include <map>
#include <string>

#include "mig/result.h"

namespace mig::service {

struct UserHook {
  std::string name;     // "evict": for messages
  std::string program;  // a path, or a name looked for in $PATH
  std::chrono::milliseconds timeout = std::chrono::minutes(10);
  const std::atomic<bool>* stop = nullptr;  // ends it, as launch::HookRun says
};

// kHook when it cannot be started or fails, kTimeout when it is killed for its time, kRolledBack
// when it is stopped; with the last
// words that it printed. `output` gets all of them.
Result<void> run_user_hook(const UserHook& hook,
                           const std::map<std::string, std::string>& variables,
                           std::string& output);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_USER_HOOK_H_
