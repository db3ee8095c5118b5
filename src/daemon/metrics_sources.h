// SPDX-License-Identifier: Apache-2.0
// Inside of daemon/: where the metrics page has its figures from: the latest sample, the journal,
// the queue, a scheduler's files; and who may see the names of jobs.
#ifndef MIGCTL_DAEMON_METRICS_SOURCES_H_
#define MIGCTL_DAEMON_METRICS_SOURCES_H_

#include <string>

#include "daemon/api.h"
#include "daemon/daemon.h"
#include "daemon/metrics.h"
#include "daemon/watch.h"
#include "service/lease_desk.h"

namespace mig::daemon {

// All that is referred to must outlive the Metrics. `journal`: its path; it need not exist yet.
Metrics::Sources metrics_sources(Api& api,
                                 service::LeaseDesk& desk,
                                 const Watch& watch,
                                 const std::string& journal,
                                 const DaemonOptions& options);

// Requests that wait, by tenant and profile ("any": of no profile in particular), at most so many
// pairs: a tenant chooses its profiles freely.
inline constexpr std::size_t kMostWaiting = 512;
std::vector<expose::NodeFigures::Waiting> summed_up(const std::vector<lease::QueueEntry>& queue);

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_METRICS_SOURCES_H_
