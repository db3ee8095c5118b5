// SPDX-License-Identifier: Apache-2.0
#include "launch/hook_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>

#include "base/process.h"
#include "launch/forked.h"

namespace mig::launch {
namespace {

constexpr int kBetweenLooksMs = 50;

// Async-signal-safe calls only, from here to exec and in the guard.

// The guard process: kills the hook's group when its pipe closes, unless a byte said that the hook
// has ended.
[[noreturn]] void guard(int lifeline, pid_t group, std::chrono::milliseconds grace) {
  leave_session();
  close_all_but(lifeline);
  char told = 0;
  if (read_all(lifeline, &told, 1) == 1) {
    ::_exit(0);
  }
  ::kill(-group, SIGTERM);
  ::kill(-group, SIGCONT);
  for (auto left = grace.count(); left > 0 && ::kill(-group, 0) == 0; left -= kBetweenLooksMs) {
    ::poll(nullptr, 0, kBetweenLooksMs);
  }
  ::kill(-group, SIGKILL);
  ::_exit(0);
}

// The child's pipe ends. It must not keep the end whose closing signals our death.
struct Ends {
  int go_read, go_write, trouble;
};

[[noreturn]] void become_hook(const HookProcessRequest& request,
                              char* const* argv,
                              char* const* envp,
                              const Ends& ends) {
  ::close(ends.go_write);
  ::setpgid(0, 0);
  char go = 0;
  if (read_all(ends.go_read, &go, 1) != 1) {
    ::_exit(0);  // the parent died before the start
  }
  standard_signals();
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null >= 0 && ::dup2(null, STDIN_FILENO) >= 0 && ::dup2(request.output, STDOUT_FILENO) >= 0 &&
      ::dup2(request.output, STDERR_FILENO) >= 0 &&
      (request.workdir.empty() || ::chdir(request.workdir.c_str()) == 0)) {
    ::execvpe(argv[0], argv, envp);
  }
  const int number = errno;
  static_cast<void>(::write(ends.trouble, &number, sizeof number) == sizeof number);
  ::_exit(EXIT_FAILURE);
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace

Result<HookProcess> HookProcess::start(const HookProcessRequest& request, int& not_started) {
  not_started = 0;
  const std::vector<char*> argv = base::exec_array(request.argv);
  const std::vector<char*> envp = base::exec_array(request.environment);
  MIG_ASSIGN_OR_RETURN(base::Pipe go, base::make_pipe());
  MIG_ASSIGN_OR_RETURN(base::Pipe trouble, base::make_pipe());
  MIG_ASSIGN_OR_RETURN(base::Pipe lifeline, base::make_pipe());
  const pid_t child = ::fork();
  if (child < 0) {
    return base::errno_error("start", "a process", errno);
  }
  if (child == 0) {
    lifeline.write.reset();
    become_hook(
        request, argv.data(), envp.data(), {go.read.get(), go.write.get(), trouble.write.get()});
  }
  ::setpgid(child, child);  // in parent and child, against the race with exec
  const pid_t watcher = ::fork();
  if (watcher == 0) {
    guard(lifeline.read.get(), child, request.grace);
  }
  if (watcher < 0) {
    const int number = errno;
    go.write.reset();
    wait_for(child);
    return base::errno_error("start", "a process", number);
  }
  lifeline.read.reset();
  trouble.write.reset();
  HookProcess started(child, watcher, std::move(lifeline.write));
  const bool sent = ::write(go.write.get(), "g", 1) == 1;
  go.write.reset();
  int number = 0;
  const ssize_t got = read_all(trouble.read.get(), &number, sizeof number);
  if (sent && got == 0) {
    return started;
  }
  started.reap();
  not_started = got == sizeof number ? number : EIO;
  return base::errno_error("start", request.argv.front(), not_started);
}

void HookProcess::signal(int number) const {
  ::kill(-child_, number);
}

bool HookProcess::ended() const {
  siginfo_t info{};
  const int looked = ::waitid(P_PID, static_cast<id_t>(child_), &info, WEXITED | WNOHANG | WNOWAIT);
  return looked != 0 ? errno != EINTR : info.si_pid == child_;
}

int HookProcess::reap() {
  const int status = wait_for(child_);
  static_cast<void>(::write(lifeline_.get(), "e", 1) == 1);
  lifeline_.reset();
  wait_for(guard_);
  return status;
}

}  // namespace mig::launch
