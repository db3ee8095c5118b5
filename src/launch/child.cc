// SPDX-License-Identifier: Apache-2.0
#include "launch/child.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include <fmt/format.h>
#include <linux/sched.h>

#include "base/fd.h"
#include "base/process.h"
#include "base/strings.h"
#include "launch/confine.h"

namespace mig::launch {
namespace {

// An error between fork and exec, sent through a pipe that exec closes (close-on-exec). The text is
// a literal, whose address is valid in both processes.
struct Trouble {
  const char* what = nullptr;  // nullptr: exec itself
  int number = 0;
};

// Runs in the child: async-signal-safe calls only.
Trouble prepare(const ChildRequest& request, const sigset_t& mask) {
  if (request.own_group && ::setpgid(0, 0) != 0) {
    return {"make a process group", errno};
  }
  if (request.null_input) {
    const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0 || ::dup2(null, STDIN_FILENO) < 0) {
      return {"open /dev/null", errno};
    }
  }
  if (request.output_fd >= 0 && (::dup2(request.output_fd, STDOUT_FILENO) < 0 ||
                                 ::dup2(request.output_fd, STDERR_FILENO) < 0)) {
    return {"take the job's log", errno};
  }
  if (request.inherit_fd >= 0 && ::fcntl(request.inherit_fd, F_SETFD, 0) != 0) {
    return {"keep the claim open", errno};
  }
  if (request.confinement != nullptr) {
    const char* what = "";
    if (const int number = request.confinement->enter(what); number != 0) {
      return {what, number};
    }
  }
  ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  return {};
}

// fork(2) into the cgroup (clone3); a kernel before 5.7, or one that forbids it, forks without.
pid_t fork_into(int cgroup_fd) {
  if (cgroup_fd >= 0) {
    clone_args arguments{};
    arguments.flags = CLONE_INTO_CGROUP;
    arguments.exit_signal = SIGCHLD;
    arguments.cgroup = static_cast<std::uint64_t>(cgroup_fd);
    const long child = ::syscall(SYS_clone3, &arguments, sizeof arguments);
    if (child >= 0) {
      return static_cast<pid_t>(child);
    }
  }
  return ::fork();
}

StartFailure failure_of(const std::string& command, const Trouble& trouble) {
  const std::string reason = std::generic_category().message(trouble.number);
  if (trouble.what != nullptr) {
    return {
        kCommandNotExecutable,
        Error{ErrorCode::kIo,
              fmt::format(
                  "cannot start {}: cannot {}: {}", base::quoted(command), trouble.what, reason),
              "--devices all starts it without a namespace of its own",
              {},
              {}}};
  }
  const bool missing = trouble.number == ENOENT;
  return {missing ? kCommandNotFound : kCommandNotExecutable,
          Error{missing ? ErrorCode::kNotFound : ErrorCode::kPermission,
                fmt::format("cannot start {}: {}", base::quoted(command), reason),
                missing ? "name a program in $PATH, or its path"
                        : "the file must be a program or a script with a #! line, and "
                          "executable (chmod +x)",
                {},
                {}}};
}

}  // namespace

Started start_child(const ChildRequest& request, const sigset_t& mask) {
  const std::string& command = request.argv.front();
  const std::vector<std::string> environment = base::environment_with(request.environment);
  const std::vector<char*> argv = base::exec_array(request.argv);
  const std::vector<char*> envp = base::exec_array(environment);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return {0, failure_of(command, {"make a pipe", errno})};
  }
  const base::Fd reader(ends[0]);
  base::Fd writer(ends[1]);
  const pid_t child = fork_into(request.cgroup_fd);
  if (child < 0) {
    return {0, failure_of(command, {"fork", errno})};
  }
  if (child == 0) {
    Trouble trouble = prepare(request, mask);
    if (trouble.number == 0) {
      ::execvpe(argv.front(), argv.data(), envp.data());
      trouble.number = errno;
    }
    static_cast<void>(::write(writer.get(), &trouble, sizeof trouble) == sizeof trouble);
    ::_exit(kCommandNotFound);
  }
  writer.reset();
  Trouble trouble;
  ssize_t got = 0;
  do {
    got = ::read(reader.get(), &trouble, sizeof trouble);
  } while (got < 0 && errno == EINTR);
  if (got == 0) {
    return {child, {}};
  }
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return {0, failure_of(command, trouble)};
}

}  // namespace mig::launch
