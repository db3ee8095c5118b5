// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/main/stop.h"

#include <unistd.h>

#include <csignal>
#include <ctime>
#include <thread>

#include <pthread.h>

namespace mig::kube {
namespace {

constexpr std::int64_t kLookNs = 200'000'000;

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

void block_signals() {
  const sigset_t set = ending_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  (void)::signal(SIGPIPE, SIG_IGN);  // NOLINT(performance-no-int-to-ptr): the system's own value
}

void wait_for_signal(Stop& stop, std::chrono::milliseconds grace) {
  const sigset_t set = ending_signals();
  const timespec look{.tv_sec = 0, .tv_nsec = kLookNs};
  while (!stop.asked()) {
    if (::sigtimedwait(&set, nullptr, &look) > 0) {
      stop.ask();
      std::thread([grace] {
        std::this_thread::sleep_for(grace);
        ::_exit(0);
      }).detach();
    }
  }
}

}  // namespace mig::kube
