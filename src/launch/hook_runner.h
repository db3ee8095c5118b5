// SPDX-License-Identifier: Apache-2.0
// Runs hooks: argv without a shell, their own environment and folder, captured output, a time
// limit.
#ifndef MIGCTL_LAUNCH_HOOK_RUNNER_H_
#define MIGCTL_LAUNCH_HOOK_RUNNER_H_

#include <atomic>
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "mig/hooks.h"
#include "mig/result.h"

namespace mig::launch {

struct HookRun {
  // Overrides the hook's own variables; nothing else is inherited, not even PATH (mig-parted's
  // rule).
  std::map<std::string, std::string> environment;
  std::chrono::milliseconds timeout = std::chrono::minutes(10);
  // Stop flag: when set, a running hook gets SIGTERM (its group) and no further one begins;
  // nullptr: only the timeout ends a hook.
  const std::atomic<bool>* stop = nullptr;
  // Time from SIGTERM to SIGKILL, also after the death of this process.
  std::chrono::milliseconds grace = std::chrono::seconds(10);
};

struct HookEnd {
  int exit_code = 0;  // exit status; 128 + n after death by signal n
  bool timed_out = false;
  bool stopped = false;  // ended by HookRun::stop, whatever its exit code
  std::string output;    // stdout and stderr interleaved; the last 64 KiB
};

// NAME=VALUE of all that the hook gets.
std::vector<std::string> environment_of(const HookCommand& hook, const HookRun& run);

// An Error (kHook) only when the hook could not be started. Its stdin is empty, and it leads a
// process group that is killed as a whole after the timeout, on a stop request, and when this
// process dies first, SIGKILL included. Background programs of a hook that ended by itself are not
// waited for.
Result<HookEnd> run_hook(const HookCommand& hook, const HookRun& run);

// Runs `list` in order, up to the first failure: kHook, kTimeout, or kRolledBack when stopped or
// not begun because of HookRun::stop; the error names the hook and its last line of output.
// `output` receives the output of all.
Result<void> run_hooks(const HookList& list,
                       const std::string& name,
                       const HookRun& run,
                       std::string& output);

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_HOOK_RUNNER_H_
