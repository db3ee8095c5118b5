// SPDX-License-Identifier: Apache-2.0
#include "client/leased_run.h"

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

namespace mig::client {
namespace {

lease::LeaseRequest lease_request(const launch::RunRequest& run, const RunLeaseOptions& options) {
  lease::LeaseRequest request;
  request.need = run.where.selection;
  request.need.gpu_uuid = options.gpu;
  request.need.slot = options.slot;
  request.count = run.where.count;
  request.every = run.where.every;
  request.shared = run.where.shared;
  request.holder = lease::LeaseHolder::process(static_cast<std::uint32_t>(::getpid()), 0);
  request.stoppable = true;  // SIGTERM to the holder ends the job
  request.job = run.command.name.empty() ? run.command.argv.front() : run.command.name;
  constexpr std::size_t kLongestJob = 100;
  request.job.resize(std::min(request.job.size(), kLongestJob));
  request.priority = options.priority;
  request.preempt = options.preempt;
  request.create = run.where.create;
  request.wait_ms = run.where.wait.count();
  // A limit lets others plan around the lease. At its end even a command that needs its grace
  // period has ended.
  if (run.limits.timeout) {
    request.limit_ms = (*run.limits.timeout + run.limits.grace).count();
  }
  return request;
}

// RAII: releases the leases on destruction. A failed release is harmless: the leases end with this
// process.
class Held {
 public:
  Held(std::shared_ptr<LeaseClient> client, std::vector<std::int64_t> leases)
      : client_(std::move(client)), leases_(std::move(leases)) {}

  ~Held() {
    for (const std::int64_t lease : leases_) {
      static_cast<void>(client_->release(lease));
    }
  }

  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  Held(Held&&) = delete;
  Held& operator=(Held&&) = delete;

 private:
  std::shared_ptr<LeaseClient> client_;
  std::vector<std::int64_t> leases_;
};

}  // namespace

Result<void> lease_for_run(const Options& options,
                           const OpenNode& node,
                           const RunLeaseOptions& wanted,
                           launch::RunRequest& request) {
  auto opened = LeaseClient::open(options, node);
  if (!opened) {
    const std::string socket = daemon_socket(options.choice);
    if (opened.error().code != ErrorCode::kPermission || ::access(socket.c_str(), F_OK) == 0 ||
        request.where.create || request.where.shared > 1 || wanted.preempt) {
      return std::move(opened).error();
    }
    if (request.observer.on_note) {
      request.observer.on_note(
          "no daemon keeps leases here (migctl serve), so others' are not known");
    }
    return {};
  }
  const std::shared_ptr<LeaseClient> client = *std::move(opened);
  request.lease = [client, wanted](const launch::RunRequest& run) -> Result<launch::Leased> {
    const auto on_wait = [&run](const lease::QueueEntry& entry) {
      if (run.observer.on_wait) {
        run.observer.on_wait(fmt::format("place {}: {}", entry.position, entry.reason));
      }
    };
    MIG_ASSIGN_OR_RETURN(const wire::LeaseAnswer answer,
                         client->acquire(lease_request(run, wanted), on_wait));
    launch::Leased leased;
    std::vector<std::int64_t> ids;
    for (const lease::Lease& lease : answer.leases) {
      leased.instances.push_back(lease.instance);
      ids.push_back(lease.id);
      if (lease.limit_ms) {
        leased.limit = std::chrono::milliseconds(*lease.limit_ms);
      }
    }
    *wanted.source = answer.source;
    leased.started = [client, ids](std::size_t which, int pid) {
      // Best effort: otherwise the lease ends with this process.
      static_cast<void>(client->bequeath(ids.at(which), static_cast<std::uint32_t>(pid)));
    };
    leased.until = std::make_shared<Held>(client, std::move(ids));
    return leased;
  };
  return {};
}

}  // namespace mig::client
