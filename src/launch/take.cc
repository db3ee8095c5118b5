// SPDX-License-Identifier: Apache-2.0
#include "launch/take.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "launch/candidates.h"

namespace mig::launch {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kBetweenClaimLooks{200};

// Race: the claim excludes other runs, but a program started by hand may have come in between.
Result<bool> still_free(const ReadInventory& read, const Instance& chosen) {
  MIG_ASSIGN_OR_RETURN(const Inventory now, read());
  Need same;
  same.uuid = chosen.uuid;
  const auto found = candidates(now, same);
  return found && found->front().busy.empty();
}

// Adds the instance if it is free; else `why` names its holder.
Result<void> try_instance(const Candidate& candidate,
                          const ReadInventory& read,
                          const std::string& dir,
                          std::vector<TakenInstance>& instances,
                          std::string& why) {
  std::string busy = candidate.busy;
  if (busy.empty()) {
    auto claim = Claim::take(dir, candidate.instance.uuid);
    if (claim) {
      MIG_ASSIGN_OR_RETURN(const bool free, still_free(read, candidate.instance));
      if (free) {
        instances.push_back({candidate.instance, *std::move(claim)});
        return {};
      }
      busy = "just taken";
    } else if (claim.error().code == ErrorCode::kInUse ||
               claim.error().code == ErrorCode::kPermission) {
      busy = claim.error().message;  // another user's lock file cannot be opened
    } else {
      return std::move(claim).error();
    }
  }
  why += fmt::format("{}{}: {}", why.empty() ? "" : "; ", candidate.instance.str(), busy);
  return {};
}

// Empty: too few are free, `why` names the holders of the others. Claims of a failed attempt are
// released.
Result<std::vector<TakenInstance>> try_take(const RunRequest& request,
                                            const ReadInventory& read,
                                            const std::string& dir,
                                            std::string& why) {
  MIG_ASSIGN_OR_RETURN(const Inventory inventory, read());
  MIG_ASSIGN_OR_RETURN(const auto all, candidates(inventory, request.where.selection));
  const std::size_t wanted = request.where.every ? all.size() : request.where.count;
  if (wanted > all.size()) {
    return fail(ErrorCode::kNothingMatched,
                fmt::format("there are {} of {}, and {} are wanted",
                            base::counted(all.size(), "instance"),
                            described(request.where.selection),
                            wanted),
                "make more with migctl create, or ask for fewer");
  }
  why.clear();
  std::vector<TakenInstance> instances;
  for (const Candidate& candidate : all) {
    MIG_TRY(try_instance(candidate, read, dir, instances, why));
    if (instances.size() == wanted) {
      return instances;
    }
  }
  return std::vector<TakenInstance>();
}

Result<Taken> take_claimed(const RunRequest& request,
                           const ReadInventory& read,
                           const std::string& dir) {
  const auto deadline = Clock::now() + request.where.wait;
  std::string why;
  for (bool first = true;; first = false) {
    Taken taken;
    MIG_ASSIGN_OR_RETURN(taken.instances, try_take(request, read, dir, why));
    if (!taken.instances.empty()) {
      return taken;
    }
    const auto left = deadline - Clock::now();
    if (left <= Clock::duration::zero()) {
      break;
    }
    if (first && request.observer.on_wait) {
      request.observer.on_wait(why);
    }
    std::this_thread::sleep_for(std::min<Clock::duration>(left, kBetweenClaimLooks));
  }
  const bool waited = request.where.wait.count() > 0;
  const std::string what =
      request.where.every || request.where.count > 1 ? "not enough instances" : "no instance";
  return fail(waited ? ErrorCode::kTimeout : ErrorCode::kInUse,
              fmt::format("{} of {} {}: {}",
                          what,
                          described(request.where.selection),
                          waited ? fmt::format("came free within {} ms", request.where.wait.count())
                                 : std::string("is free"),
                          why),
              waited ? "wait longer, or make more instances" : "wait for one with --wait 10m");
}

// Reads nothing of the machine: unprivileged users may not, and the lease has all the data.
// No claim: the lease is exclusive until nothing of its job is left.
Result<Taken> take_leased(const RunRequest& request) {
  MIG_ASSIGN_OR_RETURN(Leased leased, request.lease(request));
  Taken taken;
  taken.lease = leased.until;
  taken.place = leased.place;
  taken.limit = leased.limit;
  for (const Instance& instance : leased.instances) {
    taken.instances.push_back({instance});
  }
  leased.instances.clear();
  leased.until.reset();
  taken.leased = std::move(leased);
  return taken;
}

}  // namespace

std::optional<std::chrono::milliseconds> time_of_job(const Taken& taken, const JobLimits& limits) {
  constexpr int kMostOfGrace = 4;  // a quarter
  if (!taken.limit) {
    return limits.timeout;
  }
  const auto most = *taken.limit - std::min(limits.grace, *taken.limit / kMostOfGrace);
  return limits.timeout ? std::min(*limits.timeout, most) : most;
}

std::chrono::milliseconds grace_of_job(const Taken& taken, const JobLimits& limits) {
  return taken.limit ? std::min(limits.grace, *taken.limit - *time_of_job(taken, limits))
                     : limits.grace;
}

Result<Taken> take_instances(const RunRequest& request,
                             const ReadInventory& read,
                             const std::string& claims) {
  return request.lease ? take_leased(request) : take_claimed(request, read, claims);
}

}  // namespace mig::launch
