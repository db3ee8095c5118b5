// SPDX-License-Identifier: Apache-2.0
#include "device/command.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

#include <fmt/format.h>
#include <spawn.h>

#include "base/process.h"
#include "base/strings.h"

namespace mig::device {
namespace {

constexpr std::size_t kOutputLimit = 64UL * 1024;

using Clock = std::chrono::steady_clock;

// Reads until the write end is closed or the deadline passes; false = deadline.
bool drain(int fd, Clock::time_point deadline, std::string& output) {
  std::array<char, 4096> buffer{};
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) {
      return false;
    }
    pollfd ready{fd, POLLIN, 0};
    const int polled = ::poll(&ready, 1, static_cast<int>(left));
    if (polled < 0 && errno == EINTR) {
      continue;
    }
    if (polled == 0) {
      return false;
    }
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      return true;
    }
    const std::size_t room = kOutputLimit - output.size();
    output.append(buffer.data(), std::min(room, static_cast<std::size_t>(n)));
  }
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

Result<CommandResult> run_command(const std::vector<std::string>& argv,
                                  std::chrono::milliseconds limit) {
  MIG_ASSIGN_OR_RETURN(base::Pipe said, base::make_pipe());
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, said.write.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, said.write.get(), STDERR_FILENO);
  const std::vector<char*> raw = base::exec_array(argv);
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, raw.front(), &actions, nullptr, raw.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  said.write.reset();
  if (failed != 0) {
    return fail(
        failed == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
        fmt::format("cannot run {}: {}", argv.front(), std::generic_category().message(failed)));
  }
  CommandResult result;
  if (!drain(said.read.get(), Clock::now() + limit, result.output)) {
    ::kill(child, SIGKILL);
    wait_for(child);
    return fail(ErrorCode::kTimeout,
                fmt::format("{} did not end within {} s and was killed",
                            base::join(argv, " "),
                            limit.count() / 1000));
  }
  result.exit_code = wait_for(child);
  return result;
}

}  // namespace mig::device
