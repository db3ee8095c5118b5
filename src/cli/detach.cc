// SPDX-License-Identifier: Apache-2.0
#include "cli/detach.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "base/process.h"

namespace mig::cli {

Result<std::optional<Detached>> Detached::split(int& exit_code, std::optional<DetachedJob>& job) {
  MIG_ASSIGN_OR_RETURN(base::Pipe told, base::make_pipe());
  const pid_t caller = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) {
    return base::errno_error("start", "a process for the job", errno);
  }
  if (child == 0) {
    ::setsid();
    // Until the job is on its way, the child dies with the caller.
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != caller) {
      ::_exit(128 + SIGTERM);
    }
    return std::optional<Detached>(Detached(std::move(told.write)));
  }
  told.write.reset();
  DetachedJob heard;
  ssize_t got = 0;
  do {
    got = ::read(told.read.get(), &heard, sizeof heard);
  } while (got < 0 && errno == EINTR);
  exit_code = 0;
  if (got == sizeof heard) {
    job = heard;
    return std::optional<Detached>();
  }
  // The child ended before its job began, and printed why.
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return std::optional<Detached>();
}

void Detached::go(const DetachedJob& job) {
  ::prctl(PR_SET_PDEATHSIG, 0);
  if (const auto null = base::open_file("/dev/null", O_RDWR)) {
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
      ::dup2(null->get(), stream);
    }
  }
  static_cast<void>(::write(told_.get(), &job, sizeof job) == sizeof job);
  told_.reset();
}

}  // namespace mig::cli
