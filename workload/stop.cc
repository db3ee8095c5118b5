// SPDX-License-Identifier: Apache-2.0
#include "workload/stop.h"

#include <csignal>

namespace workload {

namespace {

volatile std::sig_atomic_t caught = 0;

extern "C" void remember_signal(int signal) {
  caught = signal;
}

}  // namespace

void catch_stop_signals() {
  struct sigaction action {};

  action.sa_handler = remember_signal;  // no SA_RESTART: a sleep ends
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool stop_requested() {
  return caught != 0;
}

int stop_signal() {
  return caught;
}

}  // namespace workload
