// SPDX-License-Identifier: Apache-2.0
#include "launch/hook_runner.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <spawn.h>

#include "base/fd.h"
#include "base/strings.h"

namespace mig::launch {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostOutput = 64U << 10;
constexpr int kLookMs = 20;  // between looks whether it has ended

struct Pipe {
  base::Fd read, write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return base::errno_error("create", "a pipe", errno);
  return Pipe{base::Fd(ends[0]), base::Fd(ends[1])};
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (std::string& text : texts)
    out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

std::vector<std::string> environment_of(const HookCommand& hook, const HookRun& run) {
  std::map<std::string, std::string> all = run.environment;
  all.insert(hook.envs.begin(), hook.envs.end());  // those of the run stay
  std::vector<std::string> out;
  out.reserve(all.size());
  for (const auto& [name, value] : all)
    out.push_back(fmt::format("{}={}", name, value));
  return out;
}

Error not_started(const HookCommand& hook, int number) {
  return Error{ErrorCode::kHook,
               fmt::format("cannot start {}{}: {}",
                           base::quoted(hook.command),
                           hook.workdir.empty() ? "" : " in " + base::quoted(hook.workdir),
                           std::generic_category().message(number)),
               "command names a program; a line for a shell is [\"-c\", \"...\"] of /bin/sh",
               {},
               {}};
}

// The attributes and actions of posix_spawn, released at the end.
class Spawn {
 public:
  Spawn() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
  }

  ~Spawn() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }

  Spawn(const Spawn&) = delete;
  Spawn& operator=(const Spawn&) = delete;
  Spawn(Spawn&&) = delete;
  Spawn& operator=(Spawn&&) = delete;

  // errno's value, 0 = it runs.
  int start(const HookCommand& hook, const HookRun& run, int output, pid_t& child) {
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, output, STDERR_FILENO);
    if (!hook.workdir.empty())
      posix_spawn_file_actions_addchdir_np(&actions_, hook.workdir.c_str());
    sigset_t none;
    sigemptyset(&none);
    sigset_t standard;
    sigemptyset(&standard);
    sigaddset(&standard, SIGPIPE);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &standard);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    std::vector<std::string> words = {hook.command};
    words.insert(words.end(), hook.args.begin(), hook.args.end());
    std::vector<std::string> environment = environment_of(hook, run);
    return ::posix_spawnp(&child,
                          words.front().c_str(),
                          &actions_,
                          &attributes_,
                          pointers(words).data(),
                          pointers(environment).data());
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

// What is there to read now; false at the end of the pipe.
bool take_output(int fd, std::string& output) {
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return errno == EAGAIN;
    if (got == 0)
      return false;
    output.append(buffer.data(), static_cast<std::size_t>(got));
    if (output.size() > kMostOutput)
      output.erase(0, output.size() - kMostOutput);
  }
}

// Reads until the hook itself has ended: its background programs may keep the pipe open.
HookEnd wait_for(pid_t child, int fd, std::chrono::milliseconds timeout) {
  HookEnd end;
  const auto deadline = Clock::now() + timeout;
  bool open = true;
  int status = 0;
  for (;;) {
    const pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child || (ended < 0 && errno != EINTR))
      break;
    if (!end.timed_out && Clock::now() >= deadline) {
      end.timed_out = true;
      ::kill(-child, SIGKILL);
    }
    pollfd look{fd, POLLIN, 0};
    ::poll(&look, open ? 1 : 0, kLookMs);
    if (open)
      open = take_output(fd, end.output);
  }
  if (open)
    take_output(fd, end.output);
  end.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return end;
}

std::string last_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

}  // namespace

Result<HookEnd> run_hook(const HookCommand& hook, const HookRun& run) {
  MIG_ASSIGN_OR_RETURN(Pipe pipe, make_pipe());
  if (::fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK) != 0)
    return base::errno_error("set up", "a pipe", errno);
  pid_t child = 0;
  if (const int failed = Spawn().start(hook, run, pipe.write.get(), child); failed != 0)
    return not_started(hook, failed);
  pipe.write.reset();
  return wait_for(child, pipe.read.get(), run.timeout);
}

Result<void> run_hooks(const HookList& list,
                       const std::string& name,
                       const HookRun& run,
                       std::string& output) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    const HookCommand& hook = list[i];
    const std::string which =
        list.size() == 1 ? fmt::format("{} hook", name) : fmt::format("{} hook {}", name, i + 1);
    auto end = run_hook(hook, run);
    if (!end)
      return std::move(end).error().in(which);
    output += end->output;
    const std::string said = last_line(end->output);
    const std::string words = said.empty() ? "; it printed nothing" : "; its last words: " + said;
    if (end->timed_out)
      return fail(ErrorCode::kTimeout,
                  fmt::format("{} ({}) ran longer than {} ms and was killed{}",
                              which,
                              hook.command,
                              run.timeout.count(),
                              words));
    if (end->exit_code != 0)
      return fail(
          ErrorCode::kHook,
          fmt::format("{} ({}): exit status {}{}", which, hook.command, end->exit_code, words),
          "its environment is only what its envs and the flags give; PATH is not among them");
  }
  return {};
}

}  // namespace mig::launch
