// SPDX-License-Identifier: Apache-2.0
#include "launch/child.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

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

// Runs in the child: waits for the parent's word. False: none comes, it was refused or the parent
// has ended.
bool may_go_on(int gate) {
  char word = 0;
  ssize_t got = 0;
  do {
    got = ::read(gate, &word, sizeof word);
  } while (got < 0 && errno == EINTR);
  return got == 1;
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

StartFailure refusal_of(const std::string& command, Error why) {
  return {kCommandNotExecutable,
          std::move(why).in(fmt::format("cannot start {}", base::quoted(command)))};
}

void await_end(pid_t child) {
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace

Started start_child(const ChildRequest& request, const sigset_t& mask) {
  const std::string& command = request.argv.front();
  const std::vector<std::string> environment = base::environment_with(request.environment);
  const std::vector<char*> argv = base::exec_array(request.argv);
  const std::vector<char*> envp = base::exec_array(environment);
  auto told = base::make_pipe();  // the child's troubles
  auto gate = base::make_pipe();  // the parent's word to go on
  if (!told || !gate) {
    return {0, failure_of(command, {"make a pipe", errno})};
  }
  const pid_t child = fork_into(request.cgroup_fd);
  if (child < 0) {
    return {0, failure_of(command, {"fork", errno})};
  }
  if (child == 0) {
    gate->write.reset();  // the parent's end is the only one then
    Trouble trouble;
    if (!may_go_on(gate->read.get())) {
      ::_exit(kCommandNotExecutable);
    }
    trouble = prepare(request, mask);
    if (trouble.number == 0) {
      ::execvpe(argv.front(), argv.data(), envp.data());
      trouble.number = errno;
    }
    static_cast<void>(::write(told->write.get(), &trouble, sizeof trouble) == sizeof trouble);
    ::_exit(kCommandNotFound);
  }
  told->write.reset();
  if (auto announced = request.announce ? request.announce(child) : Result<void>(); !announced) {
    gate->write.reset();
    await_end(child);
    return {0, refusal_of(command, std::move(announced).error())};
  }
  // The gate's reading end is open here too, so this never fails with SIGPIPE.
  static_cast<void>(::write(gate->write.get(), "g", 1) == 1);
  Trouble trouble;
  ssize_t got = 0;
  do {
    got = ::read(told->read.get(), &trouble, sizeof trouble);
  } while (got < 0 && errno == EINTR);
  if (got == 0) {
    return {child, {}};
  }
  await_end(child);
  return {0, failure_of(command, trouble)};
}

}  // namespace mig::launch
