// SPDX-License-Identifier: Apache-2.0
// LeaseDesk: instances that are made for requests, by the desk itself or by another thread (use()).
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

#include "base/clock.h"
#include "service/lease_creation.h"
#include "service/lease_desk.h"

namespace mig::service {
namespace {

// How long a request that does not wait for leases waits for other programs' changes.
constexpr std::int64_t kOthersMs = 15'000;
// Between a GPU instance and its compute instance: longer than a driver takes.
constexpr std::int64_t kHalfMadeMs = 5'000;

std::int64_t monotonic_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(base::system_clock().monotonic())
      .count();
}

// A GPU instance whose compute instance is still to be made.
bool half_made(const Inventory& now) {
  return std::any_of(now.gpus.begin(), now.gpus.end(), [](const Gpu& gpu) {
    return std::any_of(gpu.instances.begin(), gpu.instances.end(), [](const GpuInstance& one) {
      return one.compute_instances.empty();
    });
  });
}

}  // namespace

Result<void> LeaseDesk::made(const lease::Creation& creation,
                             const Result<void>& done,
                             Reading reading) {
  making_for_.reset();
  leases_.creating(0);
  next_reclaim_ = {};  // the look after the grant learns for which lease it was made
  const std::uint64_t before = inventory_ ? inventory_->generation : 0;
  Result<void> read = read_came(std::move(reading));
  // A concurrent writer (kConflict) does not mean that the instance cannot be created: the next
  // pass asks again.
  if (!done && done.error().code != ErrorCode::kConflict) {
    leases_.cannot_make(creation.need, read ? inventory_->generation : before);
    MIG_TRY(leases_.explain(creation.request, "none can be made: " + done.error().text()));
  }
  return read;
}

Result<void> LeaseDesk::create(node::Node& node,
                               const lease::Creation& creation,
                               const MadeFor& made_for) {
  MIG_ASSIGN_OR_RETURN(const node::Node::Snapshot now, node.snapshot(node::Age::fresh()));
  return create_for_lease(node, *now, creation, made_for);
}

// Grants without waiting for a lease to end, but creates an instance where possible at once. Waits
// for concurrent creators, each of which holds the writer lock for a moment, until nothing has
// changed for a while; in all as long as the request stands.
Result<lease::Ticket> LeaseDesk::create_now(lease::LeaseRequest request) {
  constexpr std::int64_t kLongEnough = 120'000;
  constexpr std::chrono::milliseconds kBetweenTurns{20};
  request.wait_ms = kLongEnough;
  MIG_ASSIGN_OR_RETURN(const Inventory* now, machine(age_));
  MIG_ASSIGN_OR_RETURN(lease::Ticket ticket, leases_.submit(request, *now));
  std::uint64_t generation = now->generation;
  std::int64_t changed = monotonic_ms();
  bool settled = true;
  for (;;) {
    MIG_ASSIGN_OR_RETURN(const Made made, carry_out(leases_.take_pending()));
    const bool as_before = settled && made.making == Making::kNothing;
    MIG_ASSIGN_OR_RETURN(now, machine(as_before ? age_ : node::Age::fresh()));
    MIG_ASSIGN_OR_RETURN(ticket, leases_.look(ticket.id, *now));
    if (!ticket.granted.empty()) {
      return after_turn(std::move(ticket));
    }
    // While others get on, this one's turn comes nearer, and what they make may be for it.
    const bool other = std::exchange(generation, now->generation) != now->generation;
    changed = other ? monotonic_ms() : changed;
    const std::int64_t still_ms = monotonic_ms() - changed;
    settled = !other && (still_ms >= kHalfMadeMs || !half_made(*now));
    const bool refused = made.making == Making::kRefused && made.request == ticket.id;
    const bool over = !ticket.waiting || still_ms >= kOthersMs;
    if (over || (settled && (refused || made.making == Making::kNothing))) {
      break;
    }
    base::system_clock().sleep(kBetweenTurns);
  }
  lease::Turn rest = leases_.take_pending();
  rest.creations.clear();
  MIG_TRY(carry_out(rest));
  MIG_TRY(leases_.cancel(ticket.id));
  return none_to_be_made(ticket.waiting ? ticket.waiting->reason : request.need.str());
}

// As create_now(), with the driver elsewhere: the request waits until passes and creations tell.
Result<lease::Ticket> LeaseDesk::begin_making(lease::LeaseRequest request) {
  request.wait_ms = kOthersMs;
  MIG_ASSIGN_OR_RETURN(const Inventory* now, machine(age_));
  MIG_ASSIGN_OR_RETURN(lease::Ticket ticket, leases_.submit(request, *now));
  if (ticket.granted.empty()) {
    now_or_never_.insert(ticket.id);
  }
  return after_turn(std::move(ticket));
}

Result<void> LeaseDesk::start_making(const lease::Turn& turn) {
  if (making_for_ || turn.creations.empty()) {
    return {};
  }
  const lease::Creation& creation = turn.creations.front();
  MIG_ASSIGN_OR_RETURN(const auto caller, leases_.caller_of(creation.request));
  if (!caller) {
    return {};
  }
  making_for_ = creation.request;
  leases_.creating(*making_for_);
  driver_->make(creation, {caller->uid, caller->tenant, creation.request, 0});
  return {};
}

// Requests that wait for a creation only, and for which the last pass has asked for none.
Result<void> LeaseDesk::refuse_what_cannot_be_made() {
  constexpr std::size_t kMostRefused = 1000;
  if (making_for_) {
    return {};
  }
  for (const std::int64_t ticket : std::exchange(now_or_never_, {})) {
    MIG_ASSIGN_OR_RETURN(const auto waits, entry(ticket));
    if (!waits) {
      continue;
    }
    if (refused_.size() >= kMostRefused) {
      refused_.erase(refused_.begin());
    }
    refused_.insert_or_assign(ticket, none_to_be_made(waits->reason));
    MIG_TRY(leases_.cancel(ticket));
    news_.left.push_back(ticket);
  }
  return {};
}

Result<LeaseDesk::Making> LeaseDesk::make(const lease::Creation& creation) {
  // The caller, or another process that ran a pass, may have created it meanwhile.
  MIG_ASSIGN_OR_RETURN(const auto caller, leases_.caller_of(creation.request));
  if (!caller) {
    return Making::kDone;
  }
  MIG_ASSIGN_OR_RETURN(const Inventory* now, machine(node::Age::fresh()));
  auto made =
      create_for_lease(node_, *now, creation, {caller->uid, caller->tenant, creation.request, 0});
  // A concurrent writer (kConflict) does not mean that the instance cannot be created: retry.
  if (!made && made.error().code == ErrorCode::kConflict) {
    return Making::kLater;
  }
  if (!made) {
    leases_.cannot_make(creation.need, now->generation);
    MIG_TRY(leases_.explain(creation.request, "none can be made: " + made.error().text()));
    return Making::kRefused;
  }
  return Making::kDone;
}

}  // namespace mig::service
