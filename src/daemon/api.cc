// SPDX-License-Identifier: Apache-2.0
#include "daemon/api.h"

#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "wire/wire.h"

namespace mig::daemon {
namespace {

using Steady = std::chrono::steady_clock;

// A client with a key is told how it stands, and asks again.
constexpr std::chrono::seconds kAnswerWithin{5};
constexpr std::chrono::seconds kNamesKept{60};
constexpr int kAccepted = 202;
constexpr int kWrongMethod = 405;

Error no_such_path(const http::Request& request) {
  return Error{
      ErrorCode::kNotFound,
      fmt::format(
          "there is no {} {}", base::quoted(request.method, 10), base::quoted(request.path)),
      "docs/reference/leases.md has the table of paths",
      {},
      {}};
}

// What a path can do, for who asked for something else of it.
http::Response not_that_method(const http::Request& request,
                               const char* methods,
                               const wire::Source& source) {
  const Error error{
      ErrorCode::kUsage,
      fmt::format(
          "{} cannot be done to {}", base::quoted(request.method, 10), base::quoted(request.path)),
      fmt::format("it takes {}", methods),
      {},
      {}};
  return {kWrongMethod, wire::error_document(error, "", source)};
}

std::optional<std::int64_t> id_in(const std::string& path, const std::string& prefix) {
  if (!path.starts_with(prefix)) {
    return std::nullopt;
  }
  const auto number = base::parse_decimal(path.substr(prefix.size()), INT64_MAX);
  return number ? std::optional(static_cast<std::int64_t>(*number)) : std::nullopt;
}

wire::TenantEntry tenant_entry(const service::LeaseDesk::TenantView& view) {
  return {view.tenant,
          view.leases,
          view.used.slices,
          view.used.sm,
          view.used.memory_mib,
          view.used.instances};
}

}  // namespace

http::Response Api::error(const Error& error, const wire::Source& source) {
  return {error_info(error.code).http_status, wire::error_document(error, "", source)};
}

void Api::reply_with(const http::Reply& reply, const Result<std::string>& document) const {
  reply(document ? http::Response{200, *document} : error(document.error(), source_));
}

const service::Peer& Api::peer_of(const http::Request& request) {
  const auto now = Steady::now();
  if (now - peers_read_ > kNamesKept) {
    peers_.clear();
    peers_read_ = now;
  }
  const std::pair key(request.peer.uid, request.peer.gid);
  auto found = peers_.find(key);
  if (found == peers_.end()) {
    found =
        peers_.emplace(key, service::peer_of(request.peer.uid, request.peer.gid, request.peer.pid))
            .first;
  }
  found->second.pid = request.peer.pid;
  return found->second;
}

Result<std::string> Api::get(const std::string& path, const service::Peer& peer) {
  const Tenant tenant = desk_.tenant_of(peer);
  if (tenant.role < Role::kViewer) {
    return fail(
        ErrorCode::kPermission,
        fmt::format(
            "the role of tenant {} is {}: it may not look", tenant.name, name_of(tenant.role)));
  }
  if (path == "/v1/leases") {
    MIG_ASSIGN_OR_RETURN(const auto leases, desk_.list(peer));
    return wire::lease_list_document(leases, source_);
  }
  if (path == "/v1/queue") {
    MIG_ASSIGN_OR_RETURN(const auto queue, desk_.queue(peer));
    return wire::lease_queue_document(queue, source_);
  }
  if (path == "/v1/tenants") {
    MIG_ASSIGN_OR_RETURN(const auto views, desk_.tenants(peer));
    std::vector<wire::TenantEntry> entries;
    entries.reserve(views.size());
    for (const auto& view : views) {
      entries.push_back(tenant_entry(view));
    }
    return wire::tenant_list_document(entries, source_);
  }
  MIG_ASSIGN_OR_RETURN(Inventory inventory, desk_.node().inventory());
  // Whose processes run on the other tenants' instances is not for everybody.
  if (tenant.role < Role::kOperator) {
    for (Gpu& gpu : inventory.gpus) {
      gpu.processes.clear();
    }
  }
  return wire::inventory_document(inventory);
}

void Api::handle(const http::Request& request, const http::Reply& reply) {
  const bool readable = request.path == "/v1/leases" || request.path == "/v1/queue" ||
                        request.path == "/v1/tenants" || request.path == "/v1/inventory";
  const auto lease = id_in(request.path, "/v1/leases/");
  if (request.method == "GET" && readable) {
    return reply_with(reply, get(request.path, peer_of(request)));
  }
  if (request.method == "POST" && request.path == "/v1/leases") {
    return acquire(request, reply);
  }
  if (request.method == "DELETE" && lease) {
    return release(request, reply, *lease);
  }
  if (request.method == "PATCH" && lease) {
    return change(request, reply, *lease);
  }
  if (request.path == "/v1/leases") {
    return reply(not_that_method(request, "GET and POST", source_));
  }
  if (readable) {
    return reply(not_that_method(request, "GET", source_));
  }
  if (lease) {
    return reply(not_that_method(request, "DELETE and PATCH", source_));
  }
  reply(error(no_such_path(request), source_));
}

void Api::acquire(const http::Request& request, const http::Reply& reply) {
  const service::Peer peer = peer_of(request);
  auto asked = wire::parse_lease_request(request.body);
  if (!asked) {
    return reply(error(asked.error(), source_));
  }
  Pending pending;
  pending.to_the_end = asked->key.empty();
  // A key is its user's own: nobody gets at another's lease with a guessed one.
  if (!asked->key.empty()) {
    asked->key = fmt::format("{}:{}", peer.identity.uid, asked->key);
  }
  asked->waiter = lease::Holder::process(peer.pid, 0);
  auto ticket = desk_.begin(*std::move(asked), peer);
  if (!ticket) {
    reply(error(ticket.error(), source_));
    return answer_waiting();
  }
  pending.ticket = ticket->id;
  pending.reply = reply;
  pending.answer_by = Steady::now() + kAnswerWithin;
  if (ticket->waiting) {
    pending.reason = ticket->waiting->reason;
  }
  if (ticket->granted.empty()) {
    pending_.push_back(std::move(pending));
  } else {
    grant(reply, ticket->granted);
  }
  answer_waiting();
}

void Api::release(const http::Request& request, const http::Reply& reply, std::int64_t lease) {
  auto released = desk_.release(lease, peer_of(request));
  if (!released) {
    return reply(error(released.error(), source_));
  }
  reply({200, wire::lease_released_document(*released, source_)});
  step(false);
}

void Api::change(const http::Request& request, const http::Reply& reply, std::int64_t lease) {
  const service::Peer peer = peer_of(request);
  const auto asked = wire::parse_lease_change(request.body);
  if (!asked) {
    return reply(error(asked.error(), source_));
  }
  const Result<void> done = asked->holder ? desk_.rebind(lease, *asked->holder, peer)
                                          : desk_.bequeath(lease, *asked->heir, peer);
  if (!done) {
    return reply(error(done.error(), source_));
  }
  reply_with(reply, get("/v1/leases", peer));
  if (on_holders && asked->holder && asked->holder->kind == lease::Holder::Kind::kProcess) {
    on_holders({*asked->holder});
  }
}

bool Api::answer(Pending& pending, const lease::Leases::Standing& standing) {
  if (const auto granted = standing.granted.find(pending.ticket);
      granted != standing.granted.end()) {
    grant(pending.reply, granted->second);
    return true;
  }
  if (!standing.waiting.contains(pending.ticket)) {
    pending.reply(error(desk_.gone(pending.ticket, pending.reason), source_));
    return true;
  }
  if (pending.to_the_end || Steady::now() < pending.answer_by) {
    return false;
  }
  std::vector<lease::QueueEntry> entry;
  if (auto seen = desk_.look(pending.ticket); seen && seen->waiting) {
    entry.push_back(*seen->waiting);
  }
  pending.reply({kAccepted, wire::lease_queue_document(entry, source_)});
  return true;
}

void Api::answer_waiting() {
  if (pending_.empty()) {
    return;
  }
  const auto standing = desk_.standing();
  for (auto pending = pending_.begin(); pending != pending_.end();) {
    if (!standing) {
      pending->reply(error(standing.error(), source_));
    }
    const bool answered = !standing || answer(*pending, *standing);
    pending = answered ? pending_.erase(pending) : std::next(pending);
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
  std::vector<lease::Holder> holders;
  holders.reserve(leases.size());
  for (const lease::Lease& lease : leases) {
    if (lease.holder.kind == lease::Holder::Kind::kProcess) {
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
  if (const auto done = desk_.step(reap); !done && on_trouble) {
    on_trouble(done.error());
  }
  answer_waiting();
}

}  // namespace mig::daemon
