// SPDX-License-Identifier: Apache-2.0
#include "daemon/metrics_sources.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/unix_time.h"
#include "daemon/change_totals.h"
#include "daemon/hpc_jobs.h"

namespace mig::daemon {
namespace {

// Over TCP from this machine anybody may look without a token (access.h), who is nobody in
// particular.
Result<bool> sees_jobs(Api& api, const service::LeaseDesk& desk, const http::Request& request) {
  if (request.remote && request.token.empty()) {
    return false;
  }
  const service::Peer& peer = api.peer_of(request);
  MIG_TRY(api.may_look(peer));
  return desk.tenant_of(peer).role >= Role::kOperator;
}

}  // namespace

std::vector<expose::NodeFigures::Waiting> summed_up(const std::vector<lease::QueueEntry>& queue) {
  std::map<std::pair<std::string, std::string>, expose::NodeFigures::Waiting> sums;
  for (const lease::QueueEntry& entry : queue) {
    const std::string profile = entry.need.profile ? entry.need.profile->str() : "any";
    const std::pair key(entry.tenant, profile);
    auto sum = sums.find(key);
    if (sum == sums.end()) {
      if (sums.size() >= kMostWaiting) {
        continue;
      }
      sum =
          sums.emplace(key, expose::NodeFigures::Waiting{entry.tenant, profile, 0, entry.since_ms})
              .first;
    }
    ++sum->second.requests;
    sum->second.since_ms = std::min(sum->second.since_ms, entry.since_ms);
  }
  std::vector<expose::NodeFigures::Waiting> waiting;
  waiting.reserve(sums.size());
  for (auto& [key, sum] : sums) {
    waiting.push_back(std::move(sum));
  }
  return waiting;
}

Metrics::Sources metrics_sources(Api& api,
                                 service::LeaseDesk& desk,
                                 const Watch& watch,
                                 const std::string& journal,
                                 const DaemonOptions& options) {
  Metrics::Sources sources;
  sources.latest = [&watch] { return watch.latest(); };
  sources.figures = [&api, &options, changes = std::make_shared<ChangeTotals>(journal)] {
    expose::NodeFigures figures;
    figures.version = options.version;
    changes->add_to(figures, base::unix_ms());
    if (const auto queue = api.waiting()) {
      figures.waiting = summed_up(**queue);
    }
    if (!options.hpc_jobs.empty()) {
      figures.hpc_jobs = read_hpc_jobs(options.hpc_jobs);
    }
    return figures;
  };
  sources.sees_jobs = [&api, &desk](const http::Request& request) {
    return sees_jobs(api, desk, request);
  };
  return sources;
}

}  // namespace mig::daemon
