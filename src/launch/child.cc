// SPDX-License-Identifier: Apache-2.0
#include "launch/child.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <spawn.h>

#include "base/strings.h"

namespace mig::launch {
namespace {

constexpr int kNotFound = 127;
constexpr int kNotExecutable = 126;

sigset_t forwarded_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD})
    sigaddset(&set, signal);
  return set;
}

// Blocks the signals, and makes sure that a child's end can be waited for (a parent that ignores
// SIGCHLD bequeaths that); both as before at the end.
class SignalGuard {
 public:
  SignalGuard() : set_(forwarded_signals()) {
    pthread_sigmask(SIG_BLOCK, &set_, &mask_before_);

    struct sigaction standard {};

    standard.sa_handler = SIG_DFL;
    ::sigaction(SIGCHLD, &standard, &child_before_);
  }

  ~SignalGuard() {
    ::sigaction(SIGCHLD, &child_before_, nullptr);
    pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
  }

  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;
  SignalGuard(SignalGuard&&) = delete;
  SignalGuard& operator=(SignalGuard&&) = delete;

  const sigset_t& signals() const { return set_; }

  const sigset_t& mask_before() const { return mask_before_; }

 private:
  sigset_t set_;
  sigset_t mask_before_{};

  struct sigaction child_before_ {};
};

std::vector<std::string> environment_with(
    const std::vector<std::pair<std::string, std::string>>& added) {
  std::vector<std::string> out;
  out.reserve(added.size());
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('='));
    const bool replaced = std::any_of(
        added.begin(), added.end(), [&](const auto& pair) { return pair.first == name; });
    if (!replaced)
      out.emplace_back(text);
  }
  for (const auto& [name, value] : added)
    out.emplace_back(name).append("=").append(value);
  return out;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (const std::string& text : texts)
    out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

int spawn(const ChildRequest& request, const SignalGuard& guard, pid_t& child) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  // Onto itself: clears close-on-exec in the child only.
  if (request.inherit_fd >= 0)
    posix_spawn_file_actions_adddup2(&actions, request.inherit_fd, request.inherit_fd);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigmask(&attributes, &guard.mask_before());
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  const std::vector<std::string> environment = environment_with(request.environment);
  const int failed = ::posix_spawnp(&child,
                                    request.argv.front().c_str(),
                                    &actions,
                                    &attributes,
                                    pointers(request.argv).data(),
                                    pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return failed;
}

ChildEnd not_started(const std::string& command, int number) {
  const bool missing = number == ENOENT;
  ChildEnd end;
  end.exit_code = missing ? kNotFound : kNotExecutable;
  end.start_failure = Error{
      missing ? ErrorCode::kNotFound : ErrorCode::kPermission,
      fmt::format(
          "cannot start {}: {}", base::quoted(command), std::generic_category().message(number)),
      missing ? "name a program in $PATH, or its path"
              : "the file must be a program or a script with a #! line, and "
                "executable (chmod +x)",
      {},
      {}};
  return end;
}

ChildEnd wait_for(pid_t child, const SignalGuard& guard) {
  for (;;) {
    int status = 0;
    const pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child && WIFSIGNALED(status))
      return {128 + WTERMSIG(status), WTERMSIG(status), {}};
    if (ended == child)
      return {WEXITSTATUS(status), {}, {}};
    siginfo_t info{};
    const int signal = ::sigwaitinfo(&guard.signals(), &info);
    // The terminal sends to the whole foreground group: the child has got that one itself.
    if (signal > 0 && signal != SIGCHLD && info.si_code != SI_KERNEL)
      ::kill(child, signal);
  }
}

}  // namespace

ChildEnd run_child(const ChildRequest& request) {
  const SignalGuard guard;
  pid_t child = 0;
  if (const int failed = spawn(request, guard, child); failed != 0)
    return not_started(request.argv.front(), failed);
  if (request.on_started)
    request.on_started(child);
  return wait_for(child, guard);
}

}  // namespace mig::launch
