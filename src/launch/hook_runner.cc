// SPDX-License-Identifier: Apache-2.0
#include "launch/hook_runner.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/process.h"
#include "base/strings.h"
#include "launch/hook_process.h"

namespace mig::launch {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostOutput = 64U << 10;
constexpr int kLookMs = 20;  // polling period for its end

bool stop_wanted(const HookRun& run) {
  return run.stop != nullptr && *run.stop;
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

// Reads the available output; false at the end of the pipe.
bool take_output(int fd, std::string& output) {
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return errno == EAGAIN;
    }
    if (got == 0) {
      return false;
    }
    output.append(buffer.data(), static_cast<std::size_t>(got));
    if (output.size() > kMostOutput) {
      output.erase(0, output.size() - kMostOutput);
    }
  }
}

// Ends a hook after its timeout (at once) or on a stop request (after the grace period).
class Ending {
 public:
  Ending(const HookRun& run, HookEnd& end)
      : run_(run), end_(end), deadline_(Clock::now() + run.timeout) {}

  void look(const HookProcess& hook) {
    const auto now = Clock::now();
    if (!end_.timed_out && !end_.stopped && now >= deadline_) {
      end_.timed_out = true;
      hook.signal(SIGKILL);
    }
    if (!end_.timed_out && !end_.stopped && stop_wanted(run_)) {
      end_.stopped = true;
      deadline_ = now + run_.grace;
      hook.signal(SIGTERM);
      hook.signal(SIGCONT);
    }
    if (end_.stopped && now >= deadline_) {
      hook.signal(SIGKILL);
    }
  }

 private:
  const HookRun& run_;
  HookEnd& end_;
  Clock::time_point deadline_;
};

// Reads output until the hook itself has ended: its background programs may keep the pipe open, and
// may go on unless the hook was killed.
HookEnd wait_for(HookProcess hook, int fd, const HookRun& run) {
  HookEnd end;
  Ending ending(run, end);
  bool open = true;
  while (!hook.ended()) {
    ending.look(hook);
    pollfd look{fd, POLLIN, 0};
    ::poll(&look, open ? 1 : 0, kLookMs);
    if (open) {
      open = take_output(fd, end.output);
    }
  }
  if (end.timed_out || end.stopped) {
    hook.signal(SIGKILL);  // processes that the hook left behind
  }
  const int status = hook.reap();
  if (open) {
    take_output(fd, end.output);
  }
  end.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return end;
}

Error stopped(const std::string& which, const std::string& how) {
  return Error{ErrorCode::kRolledBack,
               fmt::format("stopped on request: the {} was {}", which, how),
               {},
               {},
               {}};
}

std::string last_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) {
    text.pop_back();
  }
  return text.substr(text.rfind('\n') + 1);
}

}  // namespace

std::vector<std::string> environment_of(const HookCommand& hook, const HookRun& run) {
  std::map<std::string, std::string> all = run.environment;
  all.insert(hook.envs.begin(), hook.envs.end());  // the run's own variables take precedence
  std::vector<std::string> out;
  out.reserve(all.size());
  for (const auto& [name, value] : all) {
    out.push_back(fmt::format("{}={}", name, value));
  }
  return out;
}

Result<HookEnd> run_hook(const HookCommand& hook, const HookRun& run) {
  MIG_ASSIGN_OR_RETURN(base::Pipe output, base::make_pipe());
  if (::fcntl(output.read.get(), F_SETFL, O_NONBLOCK) != 0) {
    return base::errno_error("set up", "a pipe", errno);
  }
  HookProcessRequest request;
  request.argv = {hook.command};
  request.argv.insert(request.argv.end(), hook.args.begin(), hook.args.end());
  request.environment = environment_of(hook, run);
  request.workdir = hook.workdir;
  request.output = output.write.get();
  request.grace = run.grace;
  int failed = 0;
  auto started = HookProcess::start(request, failed);
  if (failed != 0) {
    return not_started(hook, failed);
  }
  if (!started) {
    return std::move(started).error();
  }
  output.write.reset();
  return wait_for(*std::move(started), output.read.get(), run);
}

Result<void> run_hooks(const HookList& list,
                       const std::string& name,
                       const HookRun& run,
                       std::string& output) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    const HookCommand& hook = list[i];
    const std::string which =
        list.size() == 1 ? fmt::format("{} hook", name) : fmt::format("{} hook {}", name, i + 1);
    if (stop_wanted(run)) {
      return stopped(which, "not started");
    }
    auto end = run_hook(hook, run);
    if (!end) {
      return std::move(end).error().in(which);
    }
    output += end->output;
    const std::string said = last_line(end->output);
    const std::string words = said.empty() ? "; it printed nothing" : "; its last words: " + said;
    if (end->stopped) {
      return stopped(fmt::format("{} ({})", which, hook.command), "ended" + words);
    }
    if (end->timed_out) {
      return fail(ErrorCode::kTimeout,
                  fmt::format("{} ({}) ran longer than {} ms and was killed{}",
                              which,
                              hook.command,
                              run.timeout.count(),
                              words));
    }
    if (end->exit_code != 0) {
      return fail(
          ErrorCode::kHook,
          fmt::format("{} ({}): exit status {}{}", which, hook.command, end->exit_code, words),
          "its environment is only what its envs and the flags give; PATH is not among them");
    }
  }
  return {};
}

}  // namespace mig::launch
