// SPDX-License-Identifier: Apache-2.0
// Inside of daemon/: how many clients the daemon serves at a time, from the descriptors that the
// system lets it have.
#ifndef MIGCTL_DAEMON_CONNECTIONS_H_
#define MIGCTL_DAEMON_CONNECTIONS_H_

#include "http/server.h"

namespace mig::daemon {

// Raises RLIMIT_NOFILE: connections and pidfds need more than a login's default.
void allow_descriptors();

// Connections as far as descriptors allow: of each user, of all, and some kept for root.
http::Limits limits_of_connections();

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_CONNECTIONS_H_
