// SPDX-License-Identifier: Apache-2.0
#include "service/quiesced.h"

#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <thread>
#include <utility>

#include "launch/after_death.h"
#include "launch/child.h"
#include "launch/hook_runner.h"

namespace mig::service {
namespace {

// The daemon keeps the GPUs closed for a minute from each time that it is asked.
constexpr std::chrono::seconds kAskAgain{15};
constexpr std::chrono::milliseconds kBetweenLooksAtIt{50};
constexpr int kBySignal = 128;

Result<int> run_command(const QuiescedRun& run) {
  if (!run.let_go()) {
    return fail(ErrorCode::kInUse,
                "the daemon was asked to close the GPUs, and did not say that it has",
                "migctl holders shows who has them open; `systemctl stop migd` ends the daemon");
  }
  launch::ChildRequest request;
  request.argv = run.command;
  sigset_t none;
  sigemptyset(&none);
  const launch::Started started = launch::start_child(request, none);
  if (started.failure) {
    return started.failure->error;
  }
  auto asked = std::chrono::steady_clock::now();
  bool told = false;
  int status = 0;
  while (::waitpid(started.pid, &status, WNOHANG) == 0) {
    if (run.stop != nullptr && *run.stop && !std::exchange(told, true)) {
      ::kill(started.pid, SIGTERM);
    }
    if (std::chrono::steady_clock::now() - asked > kAskAgain) {
      static_cast<void>(run.let_go());
      asked = std::chrono::steady_clock::now();
    }
    std::this_thread::sleep_for(kBetweenLooksAtIt);
  }
  return WIFSIGNALED(status) ? kBySignal + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

Result<int> run_quiesced(const QuiescedRun& run) {
  launch::HookRun hooks;
  hooks.environment = run.hook_variables;
  hooks.stop = run.stop;
  launch::AfterDeath exit;
  MIG_TRY(exit.arm(run.hooks.apply_exit, hooks));
  const auto list = [&](const HookList& which, const char* name) -> Result<void> {
    std::string output;
    auto done = launch::run_hooks(which, name, hooks, output);
    if (run.printed && !output.empty()) {
      run.printed(output);
    }
    return done;
  };
  auto start = list(run.hooks.apply_start, "apply-start");
  Result<int> code = start ? run_command(run) : Result<int>(std::move(start).error());
  hooks.stop = nullptr;
  // Also when apply-start failed: of several, some may have stopped something.
  auto ended = list(run.hooks.apply_exit, "apply-exit");
  exit.disarm();
  if (code && !ended) {
    return std::move(ended).error();
  }
  return code;
}

}  // namespace mig::service
