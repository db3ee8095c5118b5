// SPDX-License-Identifier: Apache-2.0
// Runs hooks: their words as they are (no shell of ours), an environment of their own, their
// folder, output captured, bounded in time.
#ifndef MIGCTL_LAUNCH_HOOK_RUNNER_H_
#define MIGCTL_LAUNCH_HOOK_RUNNER_H_

#include <atomic>
#include <chrono>
#include <map>
#include <string>

#include "mig/hooks.h"
#include "mig/result.h"

namespace mig::launch {

struct HookRun {
  // Over the hook's own; nothing else is there, PATH neither (mig-parted's rule).
  std::map<std::string, std::string> environment;
  std::chrono::milliseconds timeout = std::chrono::minutes(10);
  // When it is set, a hook that runs is asked to end (SIGTERM to its group) and none begins any
  // more; nullptr: nothing but its time ends a hook.
  const std::atomic<bool>* stop = nullptr;
  // Then from SIGTERM to SIGKILL. Also when we are gone while it runs.
  std::chrono::milliseconds grace = std::chrono::seconds(10);
};

struct HookEnd {
  int exit_code = 0;  // 128 + n when signal n ended it
  bool timed_out = false;
  bool stopped = false;  // by HookRun::stop; whatever its exit code
  std::string output;    // standard output and error as they came; the last 64 KiB
};

// An Error (kHook) only when it could not be started. It reads nothing from standard input, and is
// the head of a process group that is killed whole when the time is over, when it is stopped, and
// when we end before it, SIGKILL included. Programs that it leaves running in the background when
// it ends by itself are not waited for.
Result<HookEnd> run_hook(const HookCommand& hook, const HookRun& run);

// All of `list` in order, up to the first that fails: kHook, kTimeout, or kRolledBack when it was
// stopped or not begun for HookRun::stop; naming it and the last line that it printed. `output`
// gets what all printed.
Result<void> run_hooks(const HookList& list,
                       const std::string& name,
                       const HookRun& run,
                       std::string& output);

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_HOOK_RUNNER_H_
