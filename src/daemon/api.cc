// SPDX-License-Identifier: Apache-2.0
#include "daemon/api.h"

#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "service/driver_code.h"
#include "wire/wire.h"

namespace mig::daemon {
namespace {

using Steady = std::chrono::steady_clock;

// Long polling: a request with a key gets its state after this time, and the client repeats the
// request.
constexpr std::chrono::seconds kAnswerWithin{5};
constexpr std::chrono::seconds kNamesKept{60};
constexpr int kAccepted = 202;

std::int64_t lease_of(const http::Request& request) {
  // The router accepts numbers only.
  return static_cast<std::int64_t>(*base::parse_decimal(request.values.at("id"), INT64_MAX));
}

// Applies the query's tenant filter, if given. Entries that the peer may not see are not among the
// input.
template <class Entry>
void keep_tenant(std::vector<Entry>& entries, const http::Request& request) {
  if (const std::string* tenant = http::value_of(request, "tenant")) {
    std::erase_if(entries, [&](const Entry& entry) { return entry.tenant != *tenant; });
  }
}

// A numeric query parameter; nullopt when it is absent.
Result<std::optional<std::int64_t>> number_of(const http::Request& request,
                                              const std::string& name,
                                              std::int64_t max) {
  const std::string* text = http::value_of(request, name);
  if (text == nullptr) {
    return std::optional<std::int64_t>();
  }
  const auto number = base::parse_decimal(*text, static_cast<std::uint64_t>(max));
  if (!number) {
    return fail(ErrorCode::kUsage,
                fmt::format("the query parameter {} is {}", name, base::quoted(*text)),
                fmt::format("a number from 0 to {} is expected, in plain decimal", max));
  }
  return std::optional(static_cast<std::int64_t>(*number));
}

}  // namespace

http::ErrorWriter error_writer(const wire::Source& source) {
  return [source](const Error& error) {
    return wire::error_document(error, service::nvml_name(error), source);
  };
}

Api::Api(service::LeaseDesk& desk, const wire::Source& source)
    : desk_(desk),
      source_(source),
      error_writer_(error_writer(source)),
      router_(error_writer_, "docs/reference/leases.md has the table of paths") {
  using http::Reply;
  using http::Request;
  add_read("/v1/leases", {"tenant"}, &Api::leases);
  router_.add("POST", "/v1/leases", {}, [this](const Request& request, const Reply& reply) {
    acquire(request, reply);
  });
  router_.add(
      "DELETE", "/v1/leases/{id:number}", {}, [this](const Request& request, const Reply& reply) {
        release(request, reply);
      });
  router_.add(
      "PATCH", "/v1/leases/{id:number}", {}, [this](const Request& request, const Reply& reply) {
        change(request, reply);
      });
  add_read("/v1/queue", {"tenant"}, &Api::queue);
  add_read("/v1/tenants", {"tenant"}, &Api::tenants);
  add_read(
      "/v1/history/leases", {"tenant", "uid", "sinceMs", "before", "limit"}, &Api::lease_history);
  add_read("/v1/inventory", {}, &Api::inventory);
}

void Api::add_read(const std::string& path, std::vector<std::string> parameters, Read read) {
  router_.add("GET",
              path,
              std::move(parameters),
              [this, read](const http::Request& request, const http::Reply& reply) {
                const service::Peer& peer = peer_of(request);
                if (const auto allowed = may_look(peer); !allowed) {
                  return reply(error(allowed.error()));
                }
                reply_with(reply, (this->*read)(request, peer));
              });
}

void Api::reply_with(const http::Reply& reply, const Result<std::string>& document) const {
  reply(document ? http::Response{200, *document} : error(document.error()));
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

Result<void> Api::may_look(const service::Peer& peer) const {
  const Tenant tenant = desk_.tenant_of(peer);
  if (tenant.role < Role::kViewer) {
    return fail(
        ErrorCode::kPermission,
        fmt::format(
            "the role of tenant {} is {}: it may not look", tenant.name, name_of(tenant.role)));
  }
  return {};
}

Result<std::string> Api::leases(const http::Request& request, const service::Peer& peer) {
  MIG_ASSIGN_OR_RETURN(auto leases, desk_.list(peer));
  keep_tenant(leases, request);
  return wire::lease_list_document(leases, source_);
}

Result<std::string> Api::queue(const http::Request& request, const service::Peer& peer) {
  MIG_ASSIGN_OR_RETURN(auto queue, desk_.queue(peer));
  keep_tenant(queue, request);
  return wire::lease_queue_document(queue, source_);
}

Result<std::string> Api::tenants(const http::Request& request, const service::Peer& peer) {
  MIG_ASSIGN_OR_RETURN(auto tenants, desk_.tenants(peer));
  if (const std::string* name = http::value_of(request, "tenant")) {
    std::erase_if(tenants, [&](const TenantUse& use) { return use.tenant.name != *name; });
  }
  return wire::tenant_list_document(tenants, source_);
}

Result<std::string> Api::lease_history(const http::Request& request, const service::Peer& peer) {
  lease::EventFilter filter;
  if (const std::string* tenant = http::value_of(request, "tenant")) {
    filter.tenant = *tenant;
  }
  MIG_ASSIGN_OR_RETURN(const auto uid, number_of(request, "uid", UINT32_MAX));
  MIG_ASSIGN_OR_RETURN(filter.since_ms, number_of(request, "sinceMs", INT64_MAX));
  MIG_ASSIGN_OR_RETURN(filter.before, number_of(request, "before", INT64_MAX));
  MIG_ASSIGN_OR_RETURN(const auto limit,
                       number_of(request, "limit", lease::EventFilter::kMostEvents));
  if (uid) {
    filter.uid = static_cast<std::uint32_t>(*uid);
  }
  filter.limit = limit ? static_cast<std::uint32_t>(*limit) : filter.limit;
  MIG_ASSIGN_OR_RETURN(const lease::History history, desk_.history(std::move(filter), peer));
  return wire::lease_history_document(history, source_);
}

Result<std::string> Api::inventory(const http::Request& /*request*/, const service::Peer& peer) {
  MIG_ASSIGN_OR_RETURN(Inventory inventory, desk_.node().inventory());
  // Processes on other tenants' instances are visible to operators only.
  if (desk_.tenant_of(peer).role < Role::kOperator) {
    for (Gpu& gpu : inventory.gpus) {
      gpu.processes.clear();
    }
  }
  return wire::inventory_document(inventory);
}

void Api::acquire(const http::Request& request, const http::Reply& reply) {
  const service::Peer peer = peer_of(request);
  auto asked = wire::parse_lease_request(request.body);
  if (!asked) {
    return reply(error(asked.error()));
  }
  Pending pending;
  pending.to_the_end = asked->key.empty();
  // Idempotency keys are scoped by user: a guessed key gives no access to another user's lease.
  if (!asked->key.empty()) {
    asked->key = fmt::format("{}:{}", peer.identity.uid, asked->key);
  }
  asked->waiter = lease::LeaseHolder::process(peer.pid, 0);
  auto ticket = desk_.begin(*std::move(asked), peer);
  if (!ticket) {
    reply(error(ticket.error()));
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

void Api::release(const http::Request& request, const http::Reply& reply) {
  auto released = desk_.release(lease_of(request), peer_of(request));
  if (!released) {
    return reply(error(released.error()));
  }
  reply({200, wire::lease_released_document(*released, source_)});
  step(false);
}

void Api::change(const http::Request& request, const http::Reply& reply) {
  const std::int64_t lease = lease_of(request);
  const service::Peer peer = peer_of(request);
  const auto asked = wire::parse_lease_change(request.body);
  if (!asked) {
    return reply(error(asked.error()));
  }
  const Result<void> done = asked->holder ? desk_.rebind(lease, *asked->holder, peer)
                                          : desk_.bequeath(lease, *asked->heir, peer);
  if (!done) {
    return reply(error(done.error()));
  }
  reply_with(reply, leases(request, peer));
  if (on_holders && asked->holder && asked->holder->kind == lease::LeaseHolder::Kind::kProcess) {
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
    pending.reply(error(desk_.gone(pending.ticket, pending.reason)));
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
      pending->reply(error(standing.error()));
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
  if (const auto done = desk_.step(reap); !done && on_trouble) {
    on_trouble(done.error());
  }
  answer_waiting();
}

}  // namespace mig::daemon
