// SPDX-License-Identifier: Apache-2.0
#include "launch/run.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "launch/candidates.h"
#include "launch/child.h"
#include "launch/claim.h"

namespace mig::launch {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kBetweenLooks{200};

constexpr std::chrono::milliseconds kEndOfAnother{1000};

struct Taken {
  Chosen instance;
  std::shared_ptr<void> lease = {};           // given back when it goes
  std::function<void(int pid)> started = {};  // whom to leave the lease to
  std::optional<Claim> claim = std::nullopt;  // none on an instance that is shared
};

// The claim shuts other runs out; a program started by hand may still have come in between.
Result<bool> still_free(const ReadInventory& read, const Chosen& chosen) {
  MIG_ASSIGN_OR_RETURN(const Inventory now, read());
  Selection same;
  same.uuid = chosen.uuid;
  const auto found = candidates(now, same);
  return found && found->front().busy.empty();
}

// nullopt: all that match are busy, `why` says by whom.
Result<std::optional<Taken>> try_take(const RunRequest& request,
                                      const ReadInventory& read,
                                      const std::string& dir,
                                      std::string& why) {
  MIG_ASSIGN_OR_RETURN(const Inventory inventory, read());
  MIG_ASSIGN_OR_RETURN(const auto all, candidates(inventory, request.selection));
  why.clear();
  for (const Candidate& candidate : all) {
    std::string busy = candidate.busy;
    if (busy.empty()) {
      auto claim = Claim::take(dir, candidate.instance.uuid);
      if (claim) {
        MIG_ASSIGN_OR_RETURN(const bool free, still_free(read, candidate.instance));
        if (free)
          return std::optional(Taken{candidate.instance, {}, {}, *std::move(claim)});
        busy = "just taken";
      } else if (claim.error().code == ErrorCode::kInUse ||
                 claim.error().code == ErrorCode::kPermission) {
        busy = claim.error().message;  // another user's claim cannot even be opened
      } else {
        return std::move(claim).error();
      }
    }
    why += fmt::format("{}{}: {}", why.empty() ? "" : "; ", place_of(candidate.instance), busy);
  }
  return std::optional<Taken>();
}

Result<Taken> take(const RunRequest& request, const ReadInventory& read, const std::string& dir) {
  const auto deadline = Clock::now() + request.wait;
  std::string why;
  for (bool first = true;; first = false) {
    MIG_ASSIGN_OR_RETURN(auto taken, try_take(request, read, dir, why));
    if (taken)
      return *std::move(taken);
    const auto left = deadline - Clock::now();
    if (left <= Clock::duration::zero())
      break;
    if (first && request.on_wait)
      request.on_wait(why);
    std::this_thread::sleep_for(std::min<Clock::duration>(left, kBetweenLooks));
  }
  const bool waited = request.wait.count() > 0;
  return fail(waited ? ErrorCode::kTimeout : ErrorCode::kInUse,
              fmt::format("no instance of {} {}: {}",
                          request.selection.str(),
                          waited ? fmt::format("came free within {} ms", request.wait.count())
                                 : std::string("is free"),
                          why),
              waited ? "wait longer, or make more instances" : "wait for one with --wait 10m");
}

// A lease shuts out whoever asks for one; what a run that was killed left behind has a claim still.
Result<std::optional<Claim>> claim_of_leased(const RunRequest& request,
                                             const std::string& uuid,
                                             const std::string& dir,
                                             Clock::time_point deadline) {
  if (request.shared > 1)
    return std::optional<Claim>();
  for (;;) {
    auto claim = Claim::take(dir, uuid);
    if (claim)
      return std::optional(*std::move(claim));
    if (claim.error().code != ErrorCode::kInUse || Clock::now() >= deadline)
      return std::move(claim).error();
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

// Nothing is read of the machine: who is not root may not, and the lease says it all.
Result<Taken> take_leased(const RunRequest& request, const std::string& dir) {
  // The end of one that has just given back its lease is worth a moment.
  const auto deadline = Clock::now() + std::max(request.wait, kEndOfAnother);
  MIG_ASSIGN_OR_RETURN(const Leased leased, request.lease(request, 1));
  Taken taken;
  taken.instance = leased.instances.at(0);
  taken.lease = leased.until;
  if (leased.started)
    taken.started = [started = leased.started](int pid) { started(0, pid); };
  MIG_ASSIGN_OR_RETURN(taken.claim, claim_of_leased(request, taken.instance.uuid, dir, deadline));
  return taken;
}

}  // namespace

Result<RunResult> run_on_instance(const RunRequest& request,
                                  const ReadInventory& read,
                                  const std::string& runtime_dir) {
  if (request.argv.empty() || request.argv.front().empty())
    return fail(ErrorCode::kUsage, "no command to run is given", "it stands after --");
  MIG_ASSIGN_OR_RETURN(
      const Taken taken,
      request.lease ? take_leased(request, runtime_dir) : take(request, read, runtime_dir));
  if (request.on_start)
    request.on_start(taken.instance);
  ChildRequest child;
  child.argv = request.argv;
  child.environment = request.environment;
  child.environment.emplace_back("CUDA_VISIBLE_DEVICES", taken.instance.uuid);
  child.environment.emplace_back("NVIDIA_VISIBLE_DEVICES", taken.instance.uuid);
  if (taken.claim)
    child.inherit_fd = taken.claim->fd();
  child.on_started = [&](int pid) {
    if (taken.claim)
      taken.claim->set_holder(pid);
    if (taken.started)
      taken.started(pid);
  };
  ChildEnd end = run_child(child);
  return RunResult{taken.instance, end.exit_code, end.signal, std::move(end.start_failure)};
}

}  // namespace mig::launch
