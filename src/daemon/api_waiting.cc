// SPDX-License-Identifier: Apache-2.0
// Api: scheduling passes, and the replies to those who wait for them.
#include <algorithm>
#include <utility>

#include "daemon/api.h"
#include "wire/wire.h"

namespace mig::daemon {
namespace {

using Steady = std::chrono::steady_clock;

constexpr int kAccepted = 202;

}  // namespace

void Api::deliver() {
  const service::LeaseDesk::News news = desk_.take_news();
  if (news.others) {
    return deliver_all();
  }
  std::map<std::int64_t, std::vector<lease::Lease>> granted;
  for (const lease::Lease& lease : news.granted) {
    granted[lease.request].push_back(lease);
  }
  for (const auto& [ticket, leases] : granted) {
    grant_pending(ticket, leases);
  }
  for (const std::int64_t ticket : news.left) {
    refuse_pending(ticket, desk_.gone(ticket, ""));
  }
}

// Another process took part: all that wait are looked up.
void Api::deliver_all() {
  if (pending_.empty()) {
    return;
  }
  const auto standing = desk_.standing();
  std::vector<std::int64_t> tickets;
  for (const auto& [ticket, pending] : pending_) {
    if (tickets.empty() || tickets.back() != ticket) {
      tickets.push_back(ticket);
    }
  }
  for (const std::int64_t ticket : tickets) {
    if (!standing) {
      refuse_pending(ticket, standing.error());
    } else if (const auto granted = standing->granted.find(ticket);
               granted != standing->granted.end()) {
      grant_pending(ticket, granted->second);
    } else if (!standing->waiting.contains(ticket)) {
      refuse_pending(ticket, desk_.gone(ticket, ""));
    }
  }
}

void Api::grant_pending(std::int64_t ticket, const std::vector<lease::Lease>& leases) {
  const auto [first, last] = pending_.equal_range(ticket);
  for (auto pending = first; pending != last; ++pending) {
    grant(pending->second.reply, leases);
  }
  pending_.erase(first, last);
}

void Api::refuse_pending(std::int64_t ticket, const Error& why) {
  const auto [first, last] = pending_.equal_range(ticket);
  for (auto pending = first; pending != last; ++pending) {
    Error told = why;
    if (told.code == ErrorCode::kTimeout && !pending->second.reason.empty()) {
      told.message += ": " + pending->second.reason;
    }
    pending->second.reply(error(told));
  }
  pending_.erase(first, last);
}

// Those whose lease is gone, or whose processes are counted, or who waited long enough for that.
void Api::answer_releases() {
  for (Released& one : std::exchange(released_, {})) {
    const auto now = desk_.after_release(one.lease);
    // Nothing is known of it yet: the reading was begun in the same moment as it ended.
    if (now && !now->ending.empty() && now->processes == 0 && Steady::now() < one.until) {
      released_.push_back(std::move(one));
      continue;
    }
    one.reply(now ? http::Response{200, wire::lease_released_document(*now, source_)}
                  : error(now.error()));
  }
}

// Long polling: who waited long enough is told how it stands, and comes back.
void Api::answer_late() {
  constexpr std::size_t kMostAtOnce = 500;
  const auto now = Steady::now();
  std::size_t answered = 0;
  for (auto pending = pending_.begin(); pending != pending_.end() && answered < kMostAtOnce;) {
    if (pending->second.to_the_end || now < pending->second.answer_by) {
      ++pending;
      continue;
    }
    std::vector<lease::QueueEntry> entry;
    if (const auto view = queue_view()) {
      if (const auto at = (*view)->by_id.find(pending->first); at != (*view)->by_id.end()) {
        entry.push_back((*view)->entries[at->second]);
      }
    }
    if (const std::string why = trouble(); !entry.empty() && !why.empty()) {
      entry.front().reason += "; " + why;
    }
    pending->second.reply({kAccepted, wire::lease_queue_document(entry, source_)});
    pending = pending_.erase(pending);
    ++answered;
  }
}

void Api::grant(const http::Reply& reply, const std::vector<lease::Lease>& leases) {
  reply({200, wire::lease_grant_document(leases, source_)});
  tell_holders(leases);
}

void Api::tell_holders(const std::vector<lease::Lease>& leases) {
  if (!on_holders) {
    return;
  }
  std::vector<lease::LeaseHolder> holders;
  holders.reserve(leases.size());
  for (const lease::Lease& lease : leases) {
    if (lease.holder.kind == lease::LeaseHolder::Kind::kProcess) {
      holders.push_back(lease.holder);
    }
  }
  on_holders(holders);
}

void Api::start() {
  service::Peer root;
  if (const auto leases = desk_.list(root)) {
    tell_holders(*leases);
  }
  step();
}

void Api::step(bool reap) {
  constexpr auto kLong = std::chrono::milliseconds(2);
  constexpr int kShareOfTime = 4;
  const auto begun = Steady::now();
  if (const auto done = desk_.step(reap); !done && on_trouble) {
    on_trouble(done.error());
  }
  if (on_holders && !desk_.leaving().empty()) {
    on_holders(desk_.leaving());
  }
  deliver();
  answer_releases();
  answer_late();
  run_awaiting();
  const auto now = Steady::now();
  not_before_ = now - begun > kLong ? now + kShareOfTime * (now - begun) : now;
}

void Api::soon(bool reap) {
  soon_reap_ = soon_reap_ || reap;
  if (!loop_.post) {
    return step(std::exchange(soon_reap_, false));
  }
  if (std::exchange(soon_, true)) {
    return;
  }
  const auto pass = [this] {
    soon_ = false;
    step(std::exchange(soon_reap_, false));
  };
  const auto wait = not_before_ - Steady::now();
  if (wait <= std::chrono::nanoseconds(0)) {
    loop_.post(pass);
  } else {
    loop_.after(std::chrono::ceil<std::chrono::milliseconds>(wait), pass);
  }
}

}  // namespace mig::daemon
