// SPDX-License-Identifier: Apache-2.0
#include "launch/worker.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "base/fd.h"
#include "base/file.h"
#include "base/process.h"

namespace mig::launch {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kMostInput = 4096;  // fits a pipe's buffer without a reader
constexpr milliseconds kBetweenLooks{10};

struct Ends {
  int in, out, err, failure;
};

// Between fork and exec: async-signal-safe calls only.
[[noreturn]] void become(char* const* argv, char* const* envp, const Ends& ends, int parent) {
  sigset_t none;
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Race: the parent may have died before PR_SET_PDEATHSIG was set.
  const bool ready = ::getppid() == parent && ::dup2(ends.in, STDIN_FILENO) >= 0 &&
                     ::dup2(ends.out, STDOUT_FILENO) >= 0 && ::dup2(ends.err, STDERR_FILENO) >= 0;
  if (ready) {
    ::execve(argv[0], argv, envp);
  }
  const int number = errno;
  static_cast<void>(::write(ends.failure, &number, sizeof(number)) == 0);
  ::_exit(127);
}

// Reads the available output; closes at the end of the stream. Text beyond the limit is discarded.
void drain(base::Fd& fd,
           std::string& into,
           std::size_t most,
           const std::function<void(std::string_view)>& on_output) {
  std::array<char, 4096> piece{};
  while (fd.valid()) {
    const ssize_t got = ::read(fd.get(), piece.data(), piece.size());
    if (got > 0) {
      const auto room = most - std::min(most, into.size());
      into.append(piece.data(), std::min(room, static_cast<std::size_t>(got)));
      if (on_output) {
        on_output({piece.data(), static_cast<std::size_t>(got)});
      }
    } else if (got == 0) {
      fd.reset();
    } else if (errno != EINTR) {
      return;  // nothing available
    }
  }
}

}  // namespace

struct Worker::State {
  pid_t pid = -1;
  int exit_code = -1;
  bool ended = false;
  base::Fd in, out, err;
  std::string output, errors;
  std::size_t most = 0;
  std::function<void(std::string_view)> on_output;

  void look() {
    drain(out, output, most, on_output);
    drain(err, errors, most, on_output);
    siginfo_t end{};
    if (ended || ::waitid(P_PID, static_cast<id_t>(pid), &end, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        end.si_pid != pid) {
      return;
    }
    ::kill(-pid, SIGKILL);  // processes left behind; the pid is not reused until waited for
    int status = 0;
    ::waitpid(pid, &status, 0);
    ended = true;
    exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    drain(out, output, most, on_output);
    drain(err, errors, most, on_output);
  }
};

Worker::Worker(std::unique_ptr<State> state) : state_(std::move(state)) {}

Worker::Worker(Worker&&) noexcept = default;

Worker& Worker::operator=(Worker&& other) noexcept {
  if (this != &other) {
    stop(milliseconds(0));
    state_ = std::move(other.state_);
  }
  return *this;
}

Worker::~Worker() {
  stop(milliseconds(0));
}

Result<Worker> Worker::start(const WorkerRequest& request) {
  if (request.argv.empty() || request.input.size() > kMostInput) {
    return fail(ErrorCode::kInternal, "a worker needs a program, and little input");
  }
  MIG_ASSIGN_OR_RETURN(base::Pipe in, base::make_pipe());
  MIG_ASSIGN_OR_RETURN(base::Pipe out, base::make_pipe());
  MIG_ASSIGN_OR_RETURN(base::Pipe err, base::make_pipe());
  MIG_ASSIGN_OR_RETURN(base::Pipe failure, base::make_pipe());
  MIG_TRY(base::write_all(in.write.get(), "a pipe", request.input));
  if (!request.hold_input) {
    in.write.reset();
  }
  const std::vector<std::string> environment =
      base::environment_with(request.environment, request.unset);
  const std::vector<char*> argv = base::exec_array(request.argv);
  const std::vector<char*> envp = base::exec_array(environment);
  const int errors = request.one_text ? out.write.get() : err.write.get();
  const Ends ends{in.read.get(), out.write.get(), errors, failure.write.get()};
  const int self = ::getpid();
  auto state = std::make_unique<State>();
  state->most = request.most_output;
  state->on_output = request.on_output;
  state->pid = ::fork();
  if (state->pid == 0) {
    become(argv.data(), envp.data(), ends, self);
  }
  if (state->pid < 0) {
    return base::errno_error("start", request.argv.front(), errno);
  }
  ::setpgid(state->pid, state->pid);  // in parent and child, against the race with exec
  failure.write.reset();
  int number = 0;
  if (::read(failure.read.get(), &number, sizeof(number)) == sizeof(number)) {
    ::waitpid(state->pid, nullptr, 0);
    state->ended = true;
    return base::errno_error("start", request.argv.front(), number);
  }
  for (const base::Fd* fd : {&out.read, &err.read}) {
    ::fcntl(fd->get(), F_SETFL, O_NONBLOCK);
  }
  state->in = std::move(in.write);
  state->out = std::move(out.read);
  state->err = std::move(err.read);
  return Worker(std::move(state));
}

int Worker::pid() const {
  return state_->pid;
}

bool Worker::running() {
  state_->look();
  return !state_->ended;
}

bool Worker::wait_output(std::string_view text,
                         milliseconds patience,
                         const std::atomic<bool>* stop) {
  const auto deadline = Clock::now() + patience;
  for (;;) {
    const bool alive = running();
    if (state_->output.find(text) != std::string::npos) {
      return true;
    }
    if (!alive || Clock::now() >= deadline || (stop != nullptr && *stop)) {
      return false;
    }
    ::poll(nullptr, 0, static_cast<int>(kBetweenLooks.count()));
  }
}

void Worker::release() {
  state_->in.reset();
}

bool Worker::wait(milliseconds patience, const std::atomic<bool>* stop) {
  const auto deadline = Clock::now() + patience;
  while (running()) {
    if (Clock::now() >= deadline || (stop != nullptr && *stop)) {
      return false;
    }
    ::poll(nullptr, 0, static_cast<int>(kBetweenLooks.count()));
  }
  return true;
}

void Worker::stop(milliseconds grace) {
  if (!state_ || state_->ended) {
    return;
  }
  if (grace.count() > 0) {
    ::kill(-state_->pid, SIGTERM);
    if (wait(grace)) {
      return;
    }
  }
  ::kill(-state_->pid, SIGKILL);
  while (running()) {
    ::poll(nullptr, 0, static_cast<int>(kBetweenLooks.count()));
  }
}

int Worker::exit_code() const {
  return state_->exit_code;
}

const std::string& Worker::output() const {
  return state_->output;
}

const std::string& Worker::errors() const {
  return state_->errors;
}

}  // namespace mig::launch
