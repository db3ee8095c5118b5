// SPDX-License-Identifier: Apache-2.0
#include "launch/supervise.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <utility>

namespace mig::launch {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTimedOut = 124;

sigset_t forwarded_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD}) {
    sigaddset(&set, signal);
  }
  return set;
}

bool asks_to_end(int signal) {
  return signal == SIGINT || signal == SIGTERM || signal == SIGHUP || signal == SIGQUIT;
}

// Blocks the signals, and resets SIGCHLD so that children can be waited for (a parent may have
// passed on SIG_IGN); restores both at the end.
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

class Supervisor {
 public:
  explicit Supervisor(const SuperviseRequest& request)
      : request_(request), ranks_(request.ranks.size()) {
    if (request.timeout) {
      deadline_ = Clock::now() + *request.timeout;
    }
  }

  JobEnd run() {
    for (;;) {
      start_due();
      reap();
      if (all_ended()) {
        break;
      }
      watch_time();
      wait();
    }
    if (end_.timed_out || killed_) {
      kill_rest();
    }
    end_.stopped = stopping_;
    for (Rank& rank : ranks_) {
      end_.ranks.push_back(std::move(rank.end));
    }
    return std::move(end_);
  }

 private:
  struct Rank {
    int pid = 0;  // 0: not running
    bool ended = false;
    std::optional<Clock::time_point> start_at = Clock::time_point{};
    Clock::time_point started;
    std::uint32_t in_a_row = 0;
    RankEnd end;
  };

  bool all_ended() const {
    return std::all_of(ranks_.begin(), ranks_.end(), [](const Rank& rank) { return rank.ended; });
  }

  void start_due() {
    for (std::size_t i = 0; i < ranks_.size(); ++i) {
      Rank& rank = ranks_[i];
      if (!rank.start_at) {
        continue;
      }
      if (stopping_) {
        rank.start_at.reset();
        rank.ended = true;
        if (rank.end.restarts == 0 && rank.end.exit_code == 0 && !rank.end.start_failure) {
          rank.end.exit_code = 128 + SIGTERM;  // never started
        }
      } else if (Clock::now() >= *rank.start_at) {
        start(i);
      }
    }
  }

  void start(std::size_t i) {
    Rank& rank = ranks_[i];
    rank.start_at.reset();
    Started started = start_child(request_.ranks[i], guard_.mask_before());
    if (started.failure) {
      rank.end.exit_code = started.failure->exit_code;
      rank.end.start_failure = std::move(started.failure->error);
      rank.ended = true;  // a retry would fail again
      tell_end(i, std::nullopt);
      after_failure(rank);
      return;
    }
    rank.pid = started.pid;
    rank.started = Clock::now();
    if (request_.on_started) {
      request_.on_started(i, rank.pid);
    }
  }

  void reap() {
    for (std::size_t i = 0; i < ranks_.size(); ++i) {
      Rank& rank = ranks_[i];
      int status = 0;
      if (rank.pid == 0 || ::waitpid(rank.pid, &status, WNOHANG) != rank.pid) {
        continue;
      }
      rank.pid = 0;
      rank.end.signal.reset();
      if (WIFSIGNALED(status)) {
        rank.end.signal = WTERMSIG(status);
      }
      rank.end.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
      settle(i);
    }
    reap_adopted();
  }

  // Orphans of the commands, where this process is their sub-reaper (launch/leftovers.h).
  void reap_adopted() const {
    siginfo_t ended{};
    while (::waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid != 0) {
      const bool ours = std::any_of(
          ranks_.begin(), ranks_.end(), [&](const Rank& rank) { return rank.pid == ended.si_pid; });
      if (ours || ::waitpid(ended.si_pid, nullptr, WNOHANG) != ended.si_pid) {
        return;  // its turn comes with the next look
      }
      ended.si_pid = 0;
    }
  }

  // Restarts the command, or records its end.
  void settle(std::size_t i) {
    Rank& rank = ranks_[i];
    if (Clock::now() - rank.started >= kRanWell) {
      rank.in_a_row = 0;
    }
    if (!stopping_ && request_.restart.again(rank.end.exit_code, rank.end.restarts)) {
      const auto delay = restart_delay(rank.in_a_row++);
      rank.start_at = Clock::now() + delay;
      tell_end(i, delay);
      ++rank.end.restarts;
      return;
    }
    rank.ended = true;
    tell_end(i, std::nullopt);
    after_failure(rank);
  }

  void tell_end(std::size_t i, std::optional<std::chrono::milliseconds> again_in) const {
    if (request_.on_ended) {
      request_.on_ended(i, ranks_[i].end, again_in);
    }
  }

  void after_failure(const Rank& rank) {
    if (request_.end_together && rank.end.exit_code != 0 && !stopping_) {
      ask_all();
    }
  }

  void send(std::size_t i, int signal) const {
    const int pid = ranks_[i].pid;
    if (pid != 0) {
      ::kill(request_.ranks[i].own_group ? -pid : pid, signal);
    }
  }

  void send_all(int signal) const {
    for (std::size_t i = 0; i < ranks_.size(); ++i) {
      send(i, signal);
    }
  }

  void ask_all() {
    stopping_ = true;
    kill_at_ = Clock::now() + request_.grace;
    send_all(SIGTERM);
    if (request_.ask_rest) {
      request_.ask_rest();
    }
  }

  void kill_rest() const {
    if (request_.kill_rest) {
      request_.kill_rest();
    }
  }

  void watch_time() {
    const auto now = Clock::now();
    if (deadline_ && now >= *deadline_) {
      deadline_.reset();
      end_.timed_out = true;
      ask_all();
    }
    if (kill_at_ && now >= *kill_at_) {
      kill_at_.reset();
      killed_ = true;
      send_all(SIGKILL);
      kill_rest();
    }
  }

  // Waits for a signal or the next timer.
  void wait() {
    auto until = Clock::now() + std::chrono::hours(1);
    for (const auto& moment : {deadline_, kill_at_}) {
      if (moment) {
        until = std::min(until, *moment);
      }
    }
    for (const Rank& rank : ranks_) {
      if (rank.start_at) {
        until = std::min(until, *rank.start_at);
      }
    }
    const auto left = std::max<Clock::duration>(until - Clock::now(), Clock::duration::zero());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    const timespec patience{static_cast<time_t>(seconds.count()),
                            static_cast<long>(std::chrono::nanoseconds(left - seconds).count())};
    siginfo_t info{};
    const int signal = ::sigtimedwait(&guard_.signals(), &info, &patience);
    if (request_.woken) {
      request_.woken();
    }
    if (signal > 0 && signal != SIGCHLD) {
      pass_on(signal, info.si_code == SI_KERNEL);
    }
  }

  void pass_on(int signal, bool from_terminal) {
    if (asks_to_end(signal)) {
      stopping_ = true;
    }
    for (std::size_t i = 0; i < ranks_.size(); ++i) {
      // The terminal signals the whole foreground process group, so a child in our group has
      // received it already.
      if (!from_terminal || request_.ranks[i].own_group) {
        send(i, signal);
      }
    }
  }

  const SuperviseRequest& request_;
  SignalGuard guard_;
  std::vector<Rank> ranks_;
  JobEnd end_;
  bool stopping_ = false, killed_ = false;
  std::optional<Clock::time_point> deadline_, kill_at_;
};

}  // namespace

int JobEnd::exit_code() const {
  if (timed_out) {
    return kTimedOut;
  }
  for (const RankEnd& rank : ranks) {
    if (rank.exit_code != 0) {
      return rank.exit_code;
    }
  }
  return 0;
}

JobEnd supervise(const SuperviseRequest& request) {
  return Supervisor(request).run();
}

}  // namespace mig::launch
