// SPDX-License-Identifier: Apache-2.0
// Api: requests that change leases: acquire, release, change.
#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/strings.h"
#include "daemon/api.h"
#include "wire/wire.h"

namespace mig::daemon {
namespace {

using Steady = std::chrono::steady_clock;

// Long polling: a request with a key gets its state after this time, and the client repeats the
// request.
constexpr std::chrono::milliseconds kAnswerWithin{5'000};
// With many that wait, each comes back less often; clients allow 30 s for an answer.
constexpr std::chrono::milliseconds kAnswerAtLast{20'000};
// How long a release waits to be told what is left of its lease.
constexpr std::chrono::milliseconds kReleasePatience{500};

std::int64_t lease_of(const http::Request& request) {
  // The router accepts numbers only.
  return static_cast<std::int64_t>(*base::parse_decimal(request.values.at("id"), INT64_MAX));
}

}  // namespace

void Api::acquire(const http::Request& request, const http::Reply& reply) {
  auto asked = wire::parse_lease_request(request.body);
  if (!asked) {
    return reply(error(asked.error()));
  }
  if (!driver_ || asked->need.slot.empty()) {
    return begin(request, *std::move(asked), reply);
  }
  // A slot is resolved, and made, by the driver's thread.
  const service::Peer& peer = peer_of(request);
  const auto made_for = desk_.may_lease(*asked, peer);
  if (!made_for) {
    return reply(error(made_for.error()));
  }
  auto need = std::make_shared<lease::Need>(asked->need);
  on_driver(
      fmt::format("slot {}", base::quoted(asked->need.slot)),
      [need, create = asked->create, made_for = *made_for](
          node::Node& node) -> Result<std::string> {
        MIG_ASSIGN_OR_RETURN(*need, service::LeaseDesk::with_slot(node, *need, create, made_for));
        return std::string();
      },
      [this, need, request, reply, asked = *asked](const Result<std::string>& done) mutable {
        if (!done) {
          return reply(error(done.error()));
        }
        asked.need = *need;
        asked.create = false;  // the instance exists, and no other would do
        const auto now = base::system_clock().monotonic();
        when_read(now,
                  [this, request, reply, asked] { begin_with_reading(request, asked, reply); });
      });
}

void Api::begin(const http::Request& request, lease::LeaseRequest asked, const http::Reply& reply) {
  when_read([this, request, reply, asked = std::move(asked)] {
    begin_with_reading(request, asked, reply);
  });
}

void Api::begin_with_reading(const http::Request& request,
                             const lease::LeaseRequest& as_sent,
                             const http::Reply& reply,
                             bool latest) {
  const service::Peer peer = peer_of(request);
  lease::LeaseRequest asked = as_sent;
  Pending pending;
  pending.to_the_end = asked.key.empty();
  // Idempotency keys are scoped by user: a guessed key gives no access to another user's lease.
  if (!asked.key.empty()) {
    asked.key = fmt::format("{}:{}", peer.identity.uid, asked.key);
  }
  // 0: in a pid namespace that is not visible here; such a request waits until its time is over.
  asked.waiter =
      peer.pid == 0 ? lease::LeaseHolder::time() : lease::LeaseHolder::process(peer.pid, 0);
  auto ticket = desk_.begin(std::move(asked), peer);
  if (!ticket && driver_ && !latest &&
      (ticket.error().code == ErrorCode::kInUse ||
       ticket.error().code == ErrorCode::kNothingMatched)) {
    // Since the reading the process in the way may have ended, or the instance have been made.
    return when_read(base::system_clock().monotonic(), [this, request, reply, as_sent] {
      begin_with_reading(request, as_sent, reply, true);
    });
  }
  if (!ticket) {
    reply(error(ticket.error()));
    return deliver();
  }
  if (!ticket->granted.empty()) {
    grant(reply, ticket->granted);
    return deliver();
  }
  pending.reply = reply;
  const auto more = static_cast<std::int64_t>(pending_.size()) * kAnswerWithin / 1000;
  pending.answer_by = Steady::now() + std::min(kAnswerWithin + more, kAnswerAtLast);
  if (ticket->waiting) {
    pending.reason = ticket->waiting->reason;
  }
  const bool no_pass_yet = ticket->waiting && ticket->waiting->position == 0;
  pending_.emplace(ticket->id, std::move(pending));
  deliver();
  if (no_pass_yet) {
    soon(false);
  }
}

void Api::release(const http::Request& request, const http::Reply& reply) {
  auto released = desk_.release(lease_of(request), peer_of(request));
  if (!released) {
    return reply(error(released.error()));
  }
  if (driver_ == nullptr || released->ending.empty()) {
    reply({200, wire::lease_released_document(*released, source_)});
    return soon(false);
  }
  // Whether something of it is left is told by a reading that is begun now, and by a pass: one for
  // all that were given back until then.
  when_read(base::system_clock().monotonic(), [this, reply, lease = *released] {
    released_.push_back({reply, lease, Steady::now() + kReleasePatience});
    soon(false);
  });
}

// Of the caller's own keys, so that a guessed key withdraws nobody else's request.
void Api::withdraw(const http::Request& request, const http::Reply& reply) {
  const std::string* key = http::value_of(request, "key");
  if (key == nullptr) {
    return reply(error({ErrorCode::kUsage,
                        "DELETE /v1/queue: no key is given",
                        "DELETE /v1/queue?key=KEY withdraws the caller's request of that key",
                        {},
                        {}}));
  }
  const service::Peer& peer = peer_of(request);
  const auto waited = desk_.withdraw(fmt::format("{}:{}", peer.identity.uid, *key), peer);
  if (!waited) {
    return reply(error(waited.error()));
  }
  std::vector<lease::QueueEntry> entries;
  if (*waited) {
    entries.push_back(**waited);
  }
  reply({200, wire::lease_queue_document(entries, source_)});
  deliver();
  soon(false);
}

void Api::change(const http::Request& request, const http::Reply& reply) {
  const std::int64_t lease = lease_of(request);
  const service::Peer peer = peer_of(request);
  const auto asked = wire::parse_lease_change(request.body);
  if (!asked) {
    return reply(error(asked.error()));
  }
  if (asked->containers) {
    const auto prepared = desk_.for_containers(lease, *asked->containers, peer);
    return prepared ? reply_with(reply, leases(request, peer)) : reply(error(prepared.error()));
  }
  const Result<lease::LeaseHolder> keeper = asked->holder
                                                ? desk_.rebind(lease, *asked->holder, peer)
                                                : desk_.bequeath(lease, *asked->heir, peer);
  if (!keeper) {
    return reply(error(keeper.error()));
  }
  reply_with(reply, leases(request, peer));
  if (on_holders && keeper->kind == lease::LeaseHolder::Kind::kProcess) {
    on_holders({*keeper});
  }
}

}  // namespace mig::daemon
