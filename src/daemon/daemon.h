// SPDX-License-Identifier: Apache-2.0
// migd, the broker between unprivileged tenants and the leases of a machine. One process, with one
// thread for its clients and the store, and one for the driver (service/driver_thread.h); clients
// are identified by peer credentials (SO_PEERCRED). Stateless: everything persistent is in the
// store, so the daemon may be killed and restarted at any time.
#ifndef MIGCTL_DAEMON_DAEMON_H_
#define MIGCTL_DAEMON_DAEMON_H_

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "mig/result.h"

#include "daemon/metrics.h"
#include "daemon/watch.h"
#include "expose/render.h"
#include "node/node.h"
#include "service/node_guard.h"
#include "wire/wire.h"

namespace mig::daemon {

// Covers clients that poll every few seconds; an upper bound of the delay of another program's mode
// change.
inline constexpr std::chrono::milliseconds kKeepOpen{10'000};

// What the daemon serves over TCP, beside its UNIX socket.
struct WebOptions {
  // "127.0.0.1:9400"; none = no TCP. With TLS where other machines reach it, or it says https://;
  // http:// = without, whoever reaches it.
  std::vector<std::string> listen;
  std::vector<std::string> hosts;        // host names of this machine, beside the kernel's
  std::string tls_certificate, tls_key;  // PEM files; "" = no TLS
  std::string tokens;                    // file (tokens.h); "" = default_tokens()
};

struct DaemonOptions {
  std::string socket;                                          // "" = default_socket()
  std::string tenants;                                         // file; "" = store::tenants_file()
  service::GuardMode guard_nodes = service::GuardMode::kAuto;  // nodes open to lease holders only
  std::string version;                                         // of this program
  WebOptions web;
  // At SIGHUP: what they are now; an error leaves all as it was. Taken over are names of hosts,
  // `dcgm` and `hpc_jobs`; the rest takes a restart, which the log says.
  std::function<Result<DaemonOptions>()> again;
  // Idle time until the driver is closed after a reading; 0 = readings are off.
  std::chrono::milliseconds keep_open{kKeepOpen};
  WatchSettings sample;                          // of the sampler
  expose::Dialect dcgm = expose::Dialect::kOff;  // of /metrics, unless a request says otherwise
  std::string hpc_jobs;  // folder with ids of batch jobs (daemon/hpc_jobs.h); "" = none
  std::function<void(const std::string&)> log;  // one line; mains decide where it goes
  // Called at the end while a call of the driver hangs: the process has to end without destructors,
  // since that thread still uses the node.
  std::function<void()> abandon;
};

// Socket of the daemon (store/places.h).
Result<std::string> default_socket(const node::Node& node);

// Serves until SIGTERM or SIGINT. kConflict when another daemon serves this machine.
Result<void> run_daemon(node::Node& node, const wire::Source& source, const DaemonOptions& options);

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_DAEMON_H_
