// SPDX-License-Identifier: Apache-2.0
// migd, the broker between unprivileged tenants and the leases of a machine. One process, one
// thread; clients are identified by peer credentials (SO_PEERCRED). Stateless: everything
// persistent is in the store, so the daemon may be killed and restarted at any time.
#ifndef MIGCTL_DAEMON_DAEMON_H_
#define MIGCTL_DAEMON_DAEMON_H_

#include <chrono>
#include <functional>
#include <string>

#include "mig/result.h"

#include "node/node.h"
#include "wire/wire.h"

namespace mig::daemon {

// Covers clients that poll every few seconds; an upper bound of the delay of another program's mode
// change.
inline constexpr std::chrono::milliseconds kKeepOpen{10'000};

struct DaemonOptions {
  std::string socket;        // "" = default_socket()
  std::string tenants;       // file; "" = store::tenants_file()
  bool guard_nodes = false;  // nodes open to the lease's tenant only
  std::string version;       // of this program
  // Idle time until the driver is closed after a reading; 0 = readings are off.
  std::chrono::milliseconds keep_open{kKeepOpen};
  std::function<void(const std::string&)> log;  // one line; mains decide where it goes
};

// Socket of the daemon (store/places.h).
Result<std::string> default_socket(const node::Node& node);

// Serves until SIGTERM or SIGINT. kConflict when another daemon serves this machine.
Result<void> run_daemon(node::Node& node, const wire::Source& source, const DaemonOptions& options);

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_DAEMON_H_
