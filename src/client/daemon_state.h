// SPDX-License-Identifier: Apache-2.0
// State of a machine's daemon, for diagnosis: whether it listens, answers, and is of this version.
// Threading: thread-safe, without state.
#ifndef MIGCTL_CLIENT_DAEMON_STATE_H_
#define MIGCTL_CLIENT_DAEMON_STATE_H_

#include <chrono>
#include <string>

#include "client/machine.h"

namespace mig::client {

struct DaemonState {
  std::string socket;
  bool listens = false;
  bool answers = false;
  bool other_version = false;
  std::string told;  // its answer in words, or why there is none
};

// Takes at most twice `timeout`; no driver is asked.
DaemonState daemon_state(const Options& options, std::chrono::milliseconds timeout);

}  // namespace mig::client

#endif  // MIGCTL_CLIENT_DAEMON_STATE_H_
