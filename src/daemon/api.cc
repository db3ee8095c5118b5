// SPDX-License-Identifier: Apache-2.0
#include "daemon/api.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "base/unix_time.h"
#include "service/driver_code.h"
#include "service/usage.h"
#include "wire/cost.h"
#include "wire/wire.h"

namespace mig::daemon {
namespace {

using Steady = std::chrono::steady_clock;

// A queue up to this length is told as it is now; a longer one as it was a moment ago.
constexpr std::size_t kShortQueue = 64;
constexpr std::chrono::seconds kNamesKept{60};

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

// The newest part of a period that is too long; without one, the last day.
Result<cost::Period> period_of(const http::Request& request) {
  constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;
  const std::int64_t now = base::unix_ms();
  cost::Period period;
  MIG_ASSIGN_OR_RETURN(const auto from, number_of(request, "fromMs", INT64_MAX));
  MIG_ASSIGN_OR_RETURN(const auto until, number_of(request, "untilMs", INT64_MAX));
  period.until_ms = std::min(until.value_or(now), now);
  period.from_ms =
      std::max(from.value_or(period.until_ms - kDayMs), period.until_ms - cost::kLongestPeriodMs);
  MIG_TRY(service::check_period(period, now));
  return period;
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
  router_.add("DELETE", "/v1/queue", {"key"}, [this](const Request& request, const Reply& reply) {
    withdraw(request, reply);
  });
  add_read("/v1/free", {}, &Api::free);
  add_read("/v1/tenants", {"tenant"}, &Api::tenants);
  router_.add("POST", "/v1/reload", {}, [this](const Request& request, const Reply& reply) {
    reload(request, reply);
  });
  add_read("/v1/history/leases",
           {"tenant", "uid", "sinceMs", "untilMs", "before", "limit"},
           &Api::lease_history);
  router_.add("GET", "/v1/inventory", {}, [this](const Request& request, const Reply& reply) {
    inventory(request, reply);
  });
  router_.add("GET",
              "/v1/usage",
              {"fromMs", "untilMs"},
              [this](const Request& request, const Reply& reply) { usage(request, reply); });
  static_cast<void>(desk_.take_news());
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
                when_read([this, read, request, reply] {
                  reply_with(reply, (this->*read)(request, peer_of(request)));
                });
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
  const std::tuple key(request.peer.uid, request.peer.gid, request.role);
  auto found = peers_.find(key);
  if (found == peers_.end()) {
    found =
        peers_.emplace(key, service::peer_of(request.peer.uid, request.peer.gid, request.peer.pid))
            .first;
    found->second.identity.at_most = parse_role(request.role);  // of a token
  }
  found->second.pid = request.peer.pid;
  return found->second;
}

Result<Tenant> Api::reader(const http::Request& request) {
  const service::Peer& peer = peer_of(request);
  MIG_TRY(may_look(peer));
  return desk_.tenant_of(peer);
}

Result<Tenant> Api::at_least(const http::Request& request, Role role, const char* what) {
  MIG_ASSIGN_OR_RETURN(Tenant tenant, reader(request));
  if (tenant.role < role) {
    return fail(ErrorCode::kPermission,
                fmt::format("the role of tenant {} is {}: {} is for the role {}",
                            tenant.name,
                            name_of(tenant.role),
                            what,
                            name_of(role)));
  }
  return tenant;
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
  MIG_ASSIGN_OR_RETURN(auto unleased, desk_.unleased(peer));
  MIG_ASSIGN_OR_RETURN(const auto all, desk_.totals());
  const std::uint64_t others = all.leases - std::min<std::uint64_t>(all.leases, leases.size());
  keep_tenant(leases, request);
  if (unleased) {
    keep_tenant(*unleased, request);
  }
  return wire::lease_list_document(leases, unleased, source_, others);
}

Result<const std::vector<lease::QueueEntry>*> Api::waiting() {
  MIG_ASSIGN_OR_RETURN(const QueueView* view, queue_view());
  return &view->entries;
}

Result<const Api::QueueView*> Api::queue_view() {
  const auto begun = Steady::now();
  if (begun < queue_view_.until) {
    return &queue_view_;
  }
  constexpr int kShareOfTime = 20;  // at most a twentieth of it is spent here
  service::Peer root;
  MIG_ASSIGN_OR_RETURN(queue_view_.entries, desk_.queue(root));
  queue_view_.by_id.clear();
  for (std::size_t i = 0; i < queue_view_.entries.size(); ++i) {
    queue_view_.by_id[queue_view_.entries[i].id] = i;
  }
  const bool few = queue_view_.entries.size() <= kShortQueue;
  const auto now = Steady::now();
  queue_view_.until = few ? begun : now + kShareOfTime * (now - begun);
  return &queue_view_;
}

Result<std::string> Api::queue(const http::Request& request, const service::Peer& peer) {
  MIG_ASSIGN_OR_RETURN(const QueueView* view, queue_view());
  std::vector<lease::QueueEntry> queue = view->entries;
  const std::uint64_t all = queue.size();
  desk_.keep_visible(queue, peer);
  const std::uint64_t others = all - queue.size();
  keep_tenant(queue, request);
  return wire::lease_queue_document(queue, source_, others);
}

Result<std::string> Api::free(const http::Request& /*request*/, const service::Peer& peer) {
  MIG_ASSIGN_OR_RETURN(const QueueView* view, queue_view());
  MIG_ASSIGN_OR_RETURN(const FreeReport report, desk_.free(peer, view->entries));
  return wire::free_document(report, source_);
}

Result<std::string> Api::tenants(const http::Request& request, const service::Peer& peer) {
  MIG_ASSIGN_OR_RETURN(auto tenants, desk_.tenants(peer));
  MIG_ASSIGN_OR_RETURN(const auto all, desk_.totals());
  const std::uint64_t others = all.tenants - std::min<std::uint64_t>(all.tenants, tenants.size());
  if (const std::string* name = http::value_of(request, "tenant")) {
    std::erase_if(tenants, [&](const TenantUse& use) { return use.tenant.name != *name; });
  }
  return wire::tenant_list_document(tenants, desk_.site(peer), source_, others);
}

void Api::reload(const http::Request& request, const http::Reply& reply) {
  const service::Peer peer = peer_of(request);
  const Tenant tenant = desk_.tenant_of(peer);
  if (tenant.role < Role::kAdmin) {
    return reply(error(Error{ErrorCode::kPermission,
                             fmt::format("the role of tenant {} is {}: only an admin may have the "
                                         "tenants file read again",
                                         tenant.name,
                                         name_of(tenant.role)),
                             {},
                             {},
                             {}}));
  }
  if (!request.body.empty()) {
    return reply(error(Error{ErrorCode::kInvalidInput,
                             "a request to read the tenants file again has no body",
                             "the daemon reads the file that it was started with",
                             {},
                             {}}));
  }
  if (const auto done = on_reload ? on_reload() : Result<void>(); !done) {
    return reply(error(done.error()));
  }
  reply_with(reply, tenants(request, peer));
}

void Api::forget_peers() {
  peers_.clear();
}

Result<std::string> Api::lease_history(const http::Request& request, const service::Peer& peer) {
  lease::EventFilter filter;
  if (const std::string* tenant = http::value_of(request, "tenant")) {
    filter.tenant = *tenant;
  }
  MIG_ASSIGN_OR_RETURN(const auto uid, number_of(request, "uid", UINT32_MAX));
  MIG_ASSIGN_OR_RETURN(filter.since_ms, number_of(request, "sinceMs", INT64_MAX));
  MIG_ASSIGN_OR_RETURN(filter.until_ms, number_of(request, "untilMs", INT64_MAX));
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

void Api::inventory(const http::Request& request, const http::Reply& reply) {
  const service::Peer& peer = peer_of(request);
  if (const auto allowed = may_look(peer); !allowed) {
    return reply(error(allowed.error()));
  }
  // Processes on other tenants' instances are visible to operators only.
  const bool all = desk_.tenant_of(peer).role >= Role::kOperator;
  on_driver(
      "reading the machine",
      [all](node::Node& node) -> Result<std::string> {
        MIG_ASSIGN_OR_RETURN(Inventory inventory, node.inventory());
        for (Gpu& gpu : inventory.gpus) {
          if (!all) {
            gpu.processes.clear();
          }
        }
        return wire::inventory_document(inventory);
      },
      [this, reply](const Result<std::string>& document) { reply_with(reply, document); });
}

// Files are read on the driver's thread: a month takes a while.
void Api::usage(const http::Request& request, const http::Reply& reply) {
  const auto viewer = reader(request);
  const auto period = period_of(request);
  if (!viewer || !period) {
    return reply(error(viewer ? period.error() : viewer.error()));
  }
  // One at a time: on the driver's thread a long period would keep everybody else waiting.
  if (usage_running_) {
    return reply(error(Error{ErrorCode::kNoCapacity,
                             "another report is being read at this moment",
                             "ask again in a few seconds",
                             {},
                             {}}));
  }
  usage_running_ = true;
  on_driver(
      "reading what was recorded",
      [period = *period, viewer = *viewer, source = source_](
          node::Node& node) -> Result<std::string> {
        MIG_ASSIGN_OR_RETURN(cost::Usage usage, service::read_usage(node, period));
        return wire::usage_document(service::seen_by(std::move(usage), viewer), source);
      },
      [this, reply](const Result<std::string>& document) {
        usage_running_ = false;
        reply_with(reply, document);
      });
}

}  // namespace mig::daemon
