// SPDX-License-Identifier: Apache-2.0
#include "workload/stop.h"

#include <csignal>

namespace workload {

namespace {

std::atomic<int> caught = 0;
std::atomic<bool> stop = false;
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free,
              "a signal handler sets them");

extern "C" void remember_signal(int signal) {
  caught = signal;
  stop = true;
}

}  // namespace

void catch_stop_signals() {
  struct sigaction action {};

  action.sa_handler = remember_signal;  // no SA_RESTART: the signal interrupts a sleep
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool stop_requested() {
  return stop;
}

int stop_signal() {
  return caught;
}

const std::atomic<bool>& stop_flag() {
  return stop;
}

}  // namespace workload
