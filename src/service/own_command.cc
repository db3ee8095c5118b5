// SPDX-License-Identifier: Apache-2.0
#include "service/own_command.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include <spawn.h>

#include "base/process.h"

namespace mig::service {
namespace {

constexpr const char* kOwnProgram = "/proc/self/exe";
constexpr int kSignalled = 128;

// Memory that a writer cannot make longer: what is too much fails at the writer.
Result<base::Fd> bounded_memory() {
  base::Fd memory(::memfd_create("output", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory.valid() ||
      ::ftruncate(memory.get(), static_cast<off_t>(OwnCommand::kMostOutput)) != 0 ||
      ::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
    return base::errno_error("make memory for", "the output of a command", errno);
  }
  return memory;
}

// What posix_spawn needs; freed at the end.
class Preparations {
 public:
  explicit Preparations(int output) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, output, STDERR_FILENO);
    ::posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigset_t usual;
    ::sigemptyset(&none);
    ::sigfillset(&usual);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &usual);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }

  ~Preparations() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  Preparations(const Preparations&) = delete;
  Preparations& operator=(const Preparations&) = delete;
  Preparations(Preparations&&) = delete;
  Preparations& operator=(Preparations&&) = delete;

  const posix_spawn_file_actions_t* actions() const { return &actions_; }

  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

}  // namespace

Result<OwnCommand> OwnCommand::start(
    const std::vector<std::string>& words,
    const std::vector<std::pair<std::string, std::string>>& variables) {
  MIG_ASSIGN_OR_RETURN(base::Fd output, bounded_memory());
  std::vector<std::string> all{"migctl"};
  all.insert(all.end(), words.begin(), words.end());
  const std::vector<char*> arguments = base::exec_array(all);
  const std::vector<std::string> texts = base::environment_with(variables);
  const std::vector<char*> environment = base::exec_array(texts);
  const Preparations prepared(output.get());
  pid_t pid = 0;
  const int code = ::posix_spawn(&pid,
                                 kOwnProgram,
                                 prepared.actions(),
                                 prepared.attributes(),
                                 arguments.data(),
                                 environment.data());
  if (code != 0) {
    return base::errno_error("start", "this program once more", code);
  }
  // Nobody else waits for it, so the pid is still its own.
  base::Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process.valid()) {
    const int why = errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return base::errno_error("watch", "the command that was started", why);
  }
  return OwnCommand(std::move(process), std::move(output));
}

Result<base::Fd> OwnCommand::end() const {
  base::Fd copy(::fcntl(process_.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) {
    return base::errno_error("watch", "the command that was started", errno);
  }
  return copy;
}

void OwnCommand::kill() const {
  ::syscall(SYS_pidfd_send_signal, process_.get(), SIGKILL, nullptr, 0);
}

Result<OwnCommand::Done> OwnCommand::result() const {
  siginfo_t how{};
  if (::waitid(P_PIDFD, static_cast<id_t>(process_.get()), &how, WEXITED) != 0) {
    return base::errno_error("learn the end of", "a command", errno);
  }
  Done done;
  done.exit_code = how.si_code == CLD_EXITED ? how.si_status : kSignalled + how.si_status;
  // The place in the file is the writer's too: so much has been written.
  const off_t written = ::lseek(output_.get(), 0, SEEK_CUR);
  done.output.resize(written > 0 ? static_cast<std::size_t>(written) : 0);
  const ssize_t got = ::pread(output_.get(), done.output.data(), done.output.size(), 0);
  if (got < 0) {
    return base::errno_error("read", "the output of a command", errno);
  }
  done.output.resize(static_cast<std::size_t>(got));
  done.cut = done.output.size() == kMostOutput;
  return done;
}

}  // namespace mig::service
