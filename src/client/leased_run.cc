// SPDX-License-Identifier: Apache-2.0
#include "client/leased_run.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "base/units.h"
#include "lease/admission.h"
#include "model/free_report.h"

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
  request.background = run.command.detached;
  request.job = run.command.name.empty() ? run.command.argv.front() : run.command.name;
  constexpr std::size_t kLongestJob = 100;
  request.job.resize(std::min(request.job.size(), kLongestJob));
  request.priority = options.priority;
  request.preempt = options.preempt;
  request.create = run.where.create;
  request.wait_ms = run.where.wait.count();
  request.linger = options.linger;
  request.end_grace_ms =
      std::min<std::int64_t>(run.limits.grace.count(), lease::kLongestEndGraceMs);
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
    bool left = false;
    for (const std::int64_t lease : leases_) {
      const auto released = client_->release(lease);
      left = left ||
             (released && !released->leases.empty() && !released->leases.front().ending.empty());
    }
    if (left) {
      wait_a_moment();
    }
  }

  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  Held(Held&&) = delete;
  Held& operator=(Held&&) = delete;

  // What goes on in them keeps them.
  void leave() { leases_.clear(); }

 private:
  // What the command left behind has been asked to end, and mostly does at once: so the next run
  // finds the instance free. The daemon sees to the rest.
  void wait_a_moment() const {
    constexpr int kLooks = 40;
    constexpr std::chrono::milliseconds kBetweenLooks{25};
    for (int look = 0; look < kLooks; ++look) {
      const auto all = client_->list();
      if (!all || std::none_of(all->leases.begin(), all->leases.end(), [&](const auto& lease) {
            return std::find(leases_.begin(), leases_.end(), lease.id) != leases_.end();
          })) {
        return;
      }
      std::this_thread::sleep_for(kBetweenLooks);
    }
  }

  std::shared_ptr<LeaseClient> client_;
  std::vector<std::int64_t> leases_;
};

Result<launch::Leased> acquire_for(const std::shared_ptr<LeaseClient>& client,
                                   const RunLeaseOptions& wanted,
                                   const launch::RunRequest& run) {
  const auto on_wait = [&run](const lease::QueueEntry& entry) {
    if (run.observer.on_wait) {
      run.observer.on_wait(fmt::format("place {}: {}", entry.position, entry.reason));
    }
  };
  lease::LeaseRequest asked = lease_request(run, wanted);
  if (const std::string note = near_miss_note(*client, asked);
      !note.empty() && run.observer.on_note) {
    run.observer.on_note(note);
  }
  auto acquired = client->acquire(asked, on_wait);
  if (!acquired && acquired.error().code == ErrorCode::kPermission && run.limits.timeout) {
    // The tenant's longest time may have room for the job, but not for its grace beside it.
    asked.limit_ms = run.limits.timeout->count();
    acquired = client->acquire(std::move(asked), on_wait);
  }
  MIG_ASSIGN_OR_RETURN(const wire::LeaseAnswer answer, std::move(acquired));
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
  leased.place = [client, ids](std::size_t which, int pid) {
    return client->announce(ids.at(which), static_cast<std::uint32_t>(pid));
  };
  // What the command leaves behind may keep a lease that lingers: it ends with this process, or
  // with the last of them.
  leased.ids = ids;
  leased.tenant = answer.leases.empty() ? "" : answer.leases.front().tenant;
  leased.containers = [client, ids](std::size_t which, const lease::ContainerCgroups& how) {
    return client->for_containers(ids.at(which), how);
  };
  if (!wanted.linger) {
    const auto held = std::make_shared<Held>(client, std::move(ids));
    leased.leave = [held = std::weak_ptr<Held>(held)] {
      if (const auto there = held.lock()) {
        there->leave();
      }
    };
    leased.until = held;
  }
  return leased;
}

}  // namespace

std::string near_miss_note(LeaseClient& client, const lease::LeaseRequest& request) {
  if (!request.need.min_memory_mib) {
    return "";
  }
  const auto free = client.free();  // for a note only
  const auto miss = free ? near_miss(free->report, request.need, request.create) : std::nullopt;
  if (!miss) {
    return "";
  }
  return fmt::format(
      "{0} has {1} GiB, {2} MiB less than is asked for, so it takes {3} ({4} GiB); "
      "--memory {5}M would take {0}",
      miss->profile.str(),
      base::gib_text(miss->memory_mib),
      *request.need.min_memory_mib - miss->memory_mib,
      miss->taken.str(),
      base::gib_text(miss->taken_memory_mib),
      miss->memory_mib);
}

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
  request.lease = [client, wanted](const launch::RunRequest& run) {
    return acquire_for(client, wanted, run);
  };
  return {};
}

}  // namespace mig::client
