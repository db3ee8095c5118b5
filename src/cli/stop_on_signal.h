// SPDX-License-Identifier: Apache-2.0
// While it lives, Ctrl-C and SIGTERM only set a flag, for work that must end in order. One at a
// time; the handlers before it come back when it goes.
#ifndef MIGCTL_CLI_STOP_ON_SIGNAL_H_
#define MIGCTL_CLI_STOP_ON_SIGNAL_H_

#include <atomic>
#include <csignal>

namespace mig::cli {

class StopOnSignal {
 public:
  StopOnSignal() {
    requested = false;
    signal = 0;

    struct sigaction note {};

    note.sa_handler = [](int number) {
      signal = number;
      requested = true;
    };
    note.sa_flags = SA_RESTART;
    ::sigaction(SIGINT, &note, &interrupt_);
    ::sigaction(SIGTERM, &note, &terminate_);
  }

  ~StopOnSignal() {
    ::sigaction(SIGINT, &interrupt_, nullptr);
    ::sigaction(SIGTERM, &terminate_, nullptr);
  }

  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;
  StopOnSignal(StopOnSignal&&) = delete;
  StopOnSignal& operator=(StopOnSignal&&) = delete;

  // Lock-free: a handler may set them.
  static inline std::atomic<bool> requested{false};
  static inline std::atomic<int> signal{0};

 private:
  struct sigaction interrupt_ {};

  struct sigaction terminate_ {};
};

}  // namespace mig::cli

#endif  // MIGCTL_CLI_STOP_ON_SIGNAL_H_
