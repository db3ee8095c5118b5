// SPDX-License-Identifier: Apache-2.0
#include "launch/after_death.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/process.h"
#include "launch/forked.h"

namespace mig::launch {
namespace {

constexpr int kBetweenEndsMs = 20;

// Made before the fork: the guard allocates nothing.
struct ReadyHook {
  std::vector<std::string> words, environment;
  std::string workdir;
  std::vector<char*> argv, envp;
};

std::vector<ReadyHook> ready(const HookList& hooks, const HookRun& run) {
  std::vector<ReadyHook> all(hooks.size());
  for (std::size_t i = 0; i < hooks.size(); ++i) {
    ReadyHook& one = all[i];
    one.words = {hooks[i].command};
    one.words.insert(one.words.end(), hooks[i].args.begin(), hooks[i].args.end());
    one.environment = environment_of(hooks[i], run);
    one.workdir = hooks[i].workdir;
    one.argv = base::exec_array(one.words);
    one.envp = base::exec_array(one.environment);
  }
  return all;
}

sigset_t ignored_now() {
  sigset_t ignored;
  sigemptyset(&ignored);
  for (int number = 1; number < SIGRTMIN; ++number) {
    struct sigaction now {};

    if (::sigaction(number, nullptr, &now) == 0 && now.sa_handler == SIG_IGN && number != SIGPIPE &&
        number != SIGXFSZ) {
      sigaddset(&ignored, number);
    }
  }
  return ignored;
}

// Async-signal-safe calls only, from here on.

[[noreturn]] void become_exit_hook(const ReadyHook& hook, const sigset_t& ignored) {
  ::setpgid(0, 0);
  for (int number = 1; number < SIGRTMIN; ++number) {
    ::signal(number, sigismember(&ignored, number) == 1 ? SIG_IGN : SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  if (hook.workdir.empty() || ::chdir(hook.workdir.c_str()) == 0) {
    ::execvpe(hook.argv[0], hook.argv.data(), hook.envp.data());
  }
  ::_exit(EXIT_FAILURE);
}

void run_to_its_end(const ReadyHook& hook, const sigset_t& ignored, std::int64_t most_ms) {
  const pid_t child = ::fork();
  if (child == 0) {
    become_exit_hook(hook, ignored);
  }
  if (child < 0) {
    return;
  }
  ::setpgid(child, child);
  int status = 0;
  for (std::int64_t left = most_ms; ::waitpid(child, &status, WNOHANG) == 0;
       left -= kBetweenEndsMs) {
    if (left <= 0) {
      ::kill(-child, SIGKILL);
      ::waitpid(child, &status, 0);
      return;
    }
    ::poll(nullptr, 0, kBetweenEndsMs);
  }
}

[[noreturn]] void guard_exit(int lifeline,
                             const std::vector<ReadyHook>& hooks,
                             const sigset_t& ignored,
                             std::int64_t most_ms) {
  leave_session();
  close_all_but(lifeline);
  if (::send(lifeline, "c", 1, MSG_NOSIGNAL) != 1) {
    ::_exit(EXIT_FAILURE);
  }
  char told = 0;
  if (read_all(lifeline, &told, 1) == 1) {
    ::_exit(0);
  }
  ::close(lifeline);
  // 0, 1 and 2: nothing is read, and what is said goes nowhere.
  while (::open("/dev/null", O_RDWR) >= 0 && ::fcntl(STDERR_FILENO, F_GETFD) < 0) {
  }
  for (const ReadyHook& hook : hooks) {
    run_to_its_end(hook, ignored, most_ms);
  }
  ::_exit(0);
}

}  // namespace

Result<void> AfterDeath::arm(const HookList& hooks, const HookRun& run) {
  disarm();
  if (hooks.empty()) {
    return {};
  }
  const std::vector<ReadyHook> all = ready(hooks, run);
  const sigset_t ignored = ignored_now();
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return base::errno_error("make", "a pair of sockets", errno);
  }
  lifeline_ = base::Fd(ends[0]);
  base::Fd its_end(ends[1]);
  guard_ = ::fork();
  if (guard_ == 0) {
    guard_exit(its_end.get(), all, ignored, run.timeout.count());
  }
  if (guard_ < 0) {
    const int why = errno;
    lifeline_.reset();
    return base::errno_error("start", "a process", why);
  }
  its_end.reset();
  // Until the guard has closed what it has inherited it is one more holder of the GPUs, which would
  // bar the change that it is made for.
  char closed = 0;
  if (read_all(lifeline_.get(), &closed, 1) != 1) {
    disarm();
    return fail(ErrorCode::kIo,
                "the process that would run apply-exit after a crash has ended at once",
                "see whether this user may start processes (ulimit -u)");
  }
  return {};
}

void AfterDeath::disarm() {
  if (guard_ <= 0) {
    return;
  }
  static_cast<void>(::send(lifeline_.get(), "e", 1, MSG_NOSIGNAL) == 1);
  lifeline_.reset();
  while (::waitpid(guard_, nullptr, 0) < 0 && errno == EINTR) {
  }
  guard_ = -1;
}

}  // namespace mig::launch
