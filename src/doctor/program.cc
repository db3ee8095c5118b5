// SPDX-License-Identifier: Apache-2.0
#include "doctor/program.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <system_error>

#include <spawn.h>

#include "base/own_path.h"
#include "base/process.h"

namespace mig::doctor {
namespace {

constexpr std::size_t kMostOutput = 64U << 10U;

std::string read_some(int fd) {
  std::string text;
  std::array<char, 4096> bytes{};
  while (text.size() < kMostOutput) {
    const ssize_t size = ::read(fd, bytes.data(), bytes.size());
    if (size < 0 && errno == EINTR) {
      continue;
    }
    if (size <= 0) {
      break;
    }
    text.append(bytes.data(), static_cast<std::size_t>(size));
  }
  return text;
}

}  // namespace

Result<std::string> output_of(const std::vector<std::string>& arguments) {
  std::error_code error;
  const std::string program = std::filesystem::canonical(arguments.front(), error).string();
  if (error) {
    return base::errno_error("run", arguments.front(), error.value());
  }
  MIG_TRY(base::only_trusted_write(program));
  MIG_ASSIGN_OR_RETURN(base::Pipe pipe, base::make_pipe());
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, pipe.write.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, pipe.write.get(), STDERR_FILENO);
  const std::vector<std::string> environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"};
  pid_t pid = -1;
  const int code = ::posix_spawn(&pid,
                                 program.c_str(),
                                 &actions,
                                 nullptr,
                                 base::exec_array(arguments).data(),
                                 base::exec_array(environment).data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (code != 0) {
    return base::errno_error("run", program, code);
  }
  pipe.write.reset();
  std::string text = read_some(pipe.read.get());
  ::kill(pid, SIGKILL);  // it has said enough, or is over; not reaped, so the pid is its own
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return text;
}

}  // namespace mig::doctor
