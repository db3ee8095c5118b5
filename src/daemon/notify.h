// SPDX-License-Identifier: Apache-2.0
// systemd's notification protocol (sd_notify(3)): state, and the watchdog's keep-alive.
#ifndef MIGCTL_DAEMON_NOTIFY_H_
#define MIGCTL_DAEMON_NOTIFY_H_

#include <chrono>
#include <optional>

#include "base/clock.h"

namespace mig::daemon {

// Sends "READY=1", "STOPPING=1" and the like to $NOTIFY_SOCKET; nothing without one.
void tell_systemd(const char* state);

// Period of the unit's WatchdogSec= for this process ($WATCHDOG_USEC, $WATCHDOG_PID); nullopt =
// none.
std::optional<std::chrono::microseconds> watchdog_period();

// Sends the keep-alive, at least thrice per period. To be called from the event loop: a loop that
// hangs sends none, and systemd starts the daemon anew.
class Watchdog {
 public:
  Watchdog(std::optional<std::chrono::microseconds> period, base::Clock& clock)
      : period_(period), clock_(clock) {}

  void loop_turns();

 private:
  std::optional<std::chrono::microseconds> period_;
  base::Clock& clock_;
  std::optional<std::chrono::nanoseconds> told_;
};

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_NOTIFY_H_
