// SPDX-License-Identifier: Apache-2.0
// migd: the broker between unprivileged tenants and the leases of a machine. One process, one
// thread; who asks is what the kernel says of the socket's other end. It keeps nothing of its own:
// all that counts is in the store, so it may be killed and started again at any time.
#ifndef MIGCTL_DAEMON_DAEMON_H_
#define MIGCTL_DAEMON_DAEMON_H_

#include <chrono>
#include <functional>
#include <string>

#include "mig/result.h"

#include "node/node.h"
#include "wire/wire.h"

namespace mig::daemon {

// Enough for whoever looks every few seconds; a mode change by a stranger waits no longer.
inline constexpr std::chrono::milliseconds kKeepOpen{10'000};

struct DaemonOptions {
  std::string socket;        // "" = default_socket()
  std::string tenants;       // file; "" = store::tenants_file()
  bool guard_nodes = false;  // only tenants can open what they lease
  std::string version;       // of this program
  // How long the driver stays open after a reading, for the next; 0 = no readings.
  std::chrono::milliseconds keep_open{kKeepOpen};
  std::function<void(const std::string&)> log;  // one line; mains decide where it goes
};

// Where clients look (store/places.h).
Result<std::string> default_socket(const node::Node& node);

// Serves until SIGTERM or SIGINT. kConflict when another daemon serves this machine.
Result<void> run_daemon(node::Node& node, const wire::Source& source, const DaemonOptions& options);

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_DAEMON_H_
