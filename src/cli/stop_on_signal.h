// SPDX-License-Identifier: Apache-2.0
// During its lifetime, a signal that would end the program only sets a flag, so that work can end
// in order, and SIGPIPE becomes a write error. Objects may be nested: the outermost installs and
// removes the handlers, and all share the flag. SIGHUP and others that were ignored before (nohup)
// stay ignored; not SIGINT, SIGQUIT and SIGTERM, which a script's background program would
// otherwise miss.
#ifndef MIGCTL_CLI_STOP_ON_SIGNAL_H_
#define MIGCTL_CLI_STOP_ON_SIGNAL_H_

#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>

namespace mig::cli {

class StopOnSignal {
 public:
  StopOnSignal() {
    if (depth++ > 0) {
      return;
    }
    requested = false;
    signal = 0;
    for (std::size_t i = 0; i < kAsksToEnd.size(); ++i) {
      take(kAsksToEnd[i], note, before[i]);
    }
    for (std::size_t i = 0; i < kWriteFailed.size(); ++i) {
      take(kWriteFailed[i], SIG_IGN, before[kAsksToEnd.size() + i]);
    }
  }

  ~StopOnSignal() {
    if (--depth > 0) {
      return;
    }
    for (std::size_t i = 0; i < kAsksToEnd.size(); ++i) {
      ::sigaction(kAsksToEnd[i], &before[i], nullptr);
    }
    for (std::size_t i = 0; i < kWriteFailed.size(); ++i) {
      ::sigaction(kWriteFailed[i], &before[kAsksToEnd.size() + i], nullptr);
    }
  }

  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;
  StopOnSignal(StopOnSignal&&) = delete;
  StopOnSignal& operator=(StopOnSignal&&) = delete;

  // Lock-free, as signal handlers set them. `signal` is the first one received.
  static inline std::atomic<bool> requested{false};
  static inline std::atomic<int> signal{0};

 private:
  // All signals whose default action ends a program, except those that report a fault in it.
  static constexpr std::array kAsksToEnd = {
      SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU};
  static constexpr std::array kWriteFailed = {SIGPIPE, SIGXFSZ};

  static void note(int number) {
    int none = 0;
    signal.compare_exchange_strong(none, number);
    requested = true;
  }

  static void take(int number, void (*handler)(int), struct sigaction& was) {
    struct sigaction action {};

    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    ::sigaction(number, nullptr, &was);
    if (was.sa_handler != SIG_IGN || number == SIGINT || number == SIGQUIT || number == SIGTERM) {
      ::sigaction(number, &action, nullptr);
    }
  }

  static inline int depth = 0;  // created and destroyed in one thread
  static inline std::array<struct sigaction, kAsksToEnd.size() + kWriteFailed.size()> before{};
};

}  // namespace mig::cli

#endif  // MIGCTL_CLI_STOP_ON_SIGNAL_H_
