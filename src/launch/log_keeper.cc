// SPDX-License-Identifier: Apache-2.0
#include "launch/log_keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <optional>
#include <utility>

namespace mig::launch {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kPiece = 64U << 10U;
constexpr std::size_t kMostUnshown = 1U << 20U;  // then commands wait for the reader
constexpr int kLastFd = 4096;

// Words on the control socket, one byte each. Of the supervisor: the commands have ended. Of the
// keeper: what they wrote is in the logs; it is shown (with errno in the byte after).
constexpr char kCommandsEnded = 'e';
constexpr char kAllKept = 'k';
constexpr char kAllShown = 's';

// Descriptors `kept` must be sorted.
void close_all_but(const std::vector<int>& kept) {
  int first = 0;
  const auto close_to = [&first](int end) {
    if (end > first) {
#ifdef SYS_close_range
      if (::syscall(SYS_close_range, first, end - 1, 0U) == 0) {
        return;
      }
#endif
      for (int fd = first; fd < std::min(end, kLastFd); ++fd) {
        ::close(fd);
      }
    }
  };
  for (const int fd : kept) {
    close_to(fd);
    first = fd + 1;
  }
  close_to(INT_MAX);
}

// The keeper's process.
class Keeper {
 public:
  Keeper(std::vector<int> pipes,
         std::vector<JobLog> logs,
         const std::vector<LogStream>& streams,
         int control,
         int show)
      : pipes_(std::move(pipes)), control_(control), show_(show), logs_(std::move(logs)) {
    for (const LogStream& stream : streams) {
      lines_.emplace_back(stream.prefix);
    }
  }

  [[noreturn]] void run() {
    for (;;) {
      const bool open = std::any_of(pipes_.begin(), pipes_.end(), [](int fd) { return fd >= 0; });
      if (!open) {
        end_showing();
      }
      if (!open && show_ < 0) {
        ::_exit(0);
      }
      wait();
    }
  }

 private:
  void wait() {
    std::vector<pollfd> polled;
    const bool hungry = unshown_.size() - shown_ < kMostUnshown;
    for (const int fd : pipes_) {
      polled.push_back({hungry ? fd : -1, POLLIN, 0});
    }
    polled.push_back({control_, POLLIN, 0});
    polled.push_back({shown_ == unshown_.size() ? -1 : show_, POLLOUT, 0});
    if (::poll(polled.data(), polled.size(), -1) < 0) {
      return;
    }
    for (std::size_t i = 0; i < pipes_.size(); ++i) {
      if (polled[i].revents != 0) {
        take(i);
      }
    }
    if (polled[pipes_.size()].revents != 0) {
      hear();
    }
    if (polled.back().revents != 0) {
      show();
    }
  }

  // Takes what is in the pipe, at most one chunk. False: nothing was there.
  bool take(std::size_t i) {
    const ssize_t got = ::read(pipes_[i], chunk_, sizeof chunk_);
    if (got > 0) {
      const std::string_view text(chunk_, static_cast<std::size_t>(got));
      logs_[i].append(text);
      if (!ended_ && show_ >= 0) {
        unshown_ += lines_[i].add(text);
      }
      return true;
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
      ::close(pipes_[i]);
      pipes_[i] = -1;
    }
    return false;
  }

  // The supervisor says that the commands have ended, or is gone.
  void hear() {
    char word = 0;
    const ssize_t got = ::recv(control_, &word, 1, 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
      return;
    }
    if (got <= 0) {
      ::close(control_);
      control_ = -1;
      return end_showing();
    }
    // Bounded, though a process that the job left behind may still be writing.
    constexpr int kMostChunks = 32;
    for (std::size_t i = 0; i < pipes_.size(); ++i) {
      for (int n = 0; n < kMostChunks && pipes_[i] >= 0 && take(i); ++n) {
      }
    }
    say({kAllKept, '\0'});
    end_showing();
  }

  // What comes from now on is kept, and not shown.
  void end_showing() {
    if (std::exchange(ended_, true)) {
      return;
    }
    for (Lines& lines : lines_) {
      unshown_ += show_ >= 0 ? lines.flush() : "";
    }
    if (show_ < 0 || shown_ == unshown_.size()) {
      close_show();
    }
  }

  // At most what a pipe takes without waiting once it is ready (PIPE_BUF): a reader that has
  // stopped must not stop the log.
  void show() {
    const std::size_t size = std::min<std::size_t>(unshown_.size() - shown_, PIPE_BUF);
    const ssize_t put = ::write(show_, unshown_.data() + shown_, size);
    if (put > 0) {
      shown_ += static_cast<std::size_t>(put);
    } else if (put < 0 && errno != EINTR && errno != EAGAIN) {
      trouble_ = errno == EPIPE ? 0 : errno;
      shown_ = unshown_.size();
      ::close(std::exchange(show_, -1));
    }
    if (shown_ == unshown_.size() || shown_ >= kPiece) {
      unshown_.erase(0, std::exchange(shown_, 0));
    }
    if (ended_ && unshown_.empty()) {
      close_show();
    }
  }

  // The reader behind it waits for its end.
  void close_show() {
    if (show_ >= 0) {
      ::close(std::exchange(show_, -1));
    }
    unshown_.clear();
    shown_ = 0;
    say({kAllShown, static_cast<char>(trouble_)});
  }

  void say(const std::array<char, 2>& words) const {
    if (control_ >= 0) {
      static_cast<void>(::send(control_, words.data(), words.size(), MSG_NOSIGNAL));
    }
  }

  std::vector<int> pipes_;  // -1: every writer has closed it
  int control_, show_;
  std::vector<JobLog> logs_;
  std::vector<Lines> lines_;
  std::string unshown_;  // from `shown_` on
  std::size_t shown_ = 0;
  bool ended_ = false;
  int trouble_ = 0;
  char chunk_[kPiece] = {};
};

// `kept`: the descriptors that stay.
void become_keeper(std::vector<int> kept) {
  ::setsid();  // signals to our group or terminal are not for the keeper
  ::prctl(PR_SET_NAME, "migctl-log");
  for (int number = 1; number < SIGRTMIN; ++number) {
    if (number != SIGCHLD) {
      ::signal(number, SIG_IGN);
    }
  }
  sigset_t none;
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (null >= 0 && std::find(kept.begin(), kept.end(), fd) == kept.end()) {
      ::dup2(null, fd);
      kept.push_back(fd);
    }
  }
  std::sort(kept.begin(), kept.end());
  close_all_but(kept);
  static_cast<void>(::chdir("/") == 0);  // keeps no file system busy; paths of logs are absolute
}

Result<base::Pipe> make_control() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return base::errno_error("make", "a socket pair", errno);
  }
  return base::Pipe{base::Fd(ends[0]), base::Fd(ends[1])};
}

// The next word of the keeper, or nullopt: none came in time, or it is gone.
std::optional<std::array<char, 2>> next_word(int control,
                                             std::optional<Clock::time_point> deadline) {
  for (;;) {
    int patience = -1;
    if (deadline) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(*deadline - Clock::now());
      patience = static_cast<int>(std::max<std::int64_t>(left.count(), 0));
    }
    pollfd ready{control, POLLIN, 0};
    const int count = ::poll(&ready, 1, patience);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    std::array<char, 2> word{};
    if (count <= 0 || ::recv(control, word.data(), word.size(), 0) != 2) {
      return std::nullopt;
    }
    return word;
  }
}

}  // namespace

Result<LogKeeper> LogKeeper::start(std::vector<LogStream> streams, int show, std::int64_t most) {
  LogKeeper keeper(std::move(streams), show, most);
  for (std::size_t i = 0; i < keeper.streams_.size(); ++i) {
    MIG_ASSIGN_OR_RETURN(base::Pipe pipe, base::make_pipe());
    // The commands' end stays blocking: O_NONBLOCK belongs to the end, not to the pipe.
    ::fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK);
    keeper.pipes_.push_back(std::move(pipe));
  }
  MIG_TRY(keeper.fork_keeper(true));
  return keeper;
}

Result<void> LogKeeper::fork_keeper(bool fresh) {
  MIG_ASSIGN_OR_RETURN(base::Pipe control, make_control());
  std::vector<JobLog> logs;
  std::vector<int> pipes;
  std::vector<int> kept{control.write.get()};
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    MIG_ASSIGN_OR_RETURN(
        JobLog log,
        fresh ? JobLog::create(streams_[i].path, most_) : JobLog::reopen(streams_[i].path, most_));
    logs.push_back(std::move(log));
    pipes.push_back(pipes_[i].read.get());
    kept.push_back(pipes.back());
    kept.push_back(logs.back().fd());
  }
  if (show_ >= 0) {
    kept.push_back(show_);
  }
  const pid_t child = ::fork();
  if (child < 0) {
    return base::errno_error("start", "a process for the job's log", errno);
  }
  if (child == 0) {
    become_keeper(std::move(kept));
    Keeper(std::move(pipes), std::move(logs), streams_, control.write.get(), show_).run();
  }
  pid_ = child;
  control_ = std::move(control.read);
  return {};
}

bool LogKeeper::ended() {
  if (pid_ != 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) {
    pid_ = 0;
  }
  return pid_ == 0;
}

void LogKeeper::look() {
  if (ended() && !pipes_.empty()) {
    static_cast<void>(fork_keeper(false));  // else the next look tries again
  }
}

void LogKeeper::commands_ended(std::chrono::milliseconds patience) {
  look();
  const auto deadline = Clock::now() + patience;
  if (::send(control_.get(), &kCommandsEnded, 1, MSG_NOSIGNAL) == 1) {
    static_cast<void>(next_word(control_.get(), deadline));
  }
  pipes_.clear();  // from now on only what the job left behind keeps the keeper alive
}

int LogKeeper::wait_shown() {
  if (show_ < 0) {
    return 0;
  }
  const auto word = next_word(control_.get(), std::nullopt);
  return word && (*word)[0] == kAllShown ? (*word)[1] : 0;
}

}  // namespace mig::launch
