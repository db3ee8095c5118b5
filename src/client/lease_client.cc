// SPDX-License-Identifier: Apache-2.0
#include "client/lease_client.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iterator>
#include <random>
#include <thread>
#include <utility>

#include <fmt/core.h>

#include "base/strings.h"
#include "http/client.h"
#include "http/query.h"
#include "service/lease_desk.h"
#include "service/usage.h"

namespace mig::client {
namespace {

using Steady = std::chrono::steady_clock;
using Millis = std::chrono::milliseconds;

constexpr Millis kCallTimeout{30'000};
// How long a daemon may be down (a restart, for example) while a client waits for a lease.
constexpr Millis kDaemonAway{15'000};
constexpr Millis kBetweenTries{200};

std::string random_key() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}{:08x}", device(), device(), device());
}

std::string cgroup_of(const wire::LeaseAnswer& answer, std::int64_t lease) {
  const auto found = std::find_if(
      answer.leases.begin(), answer.leases.end(), [&](const auto& one) { return one.id == lease; });
  return found == answer.leases.end() ? "" : found->cgroup;
}

class DaemonClient final : public LeaseClient {
 public:
  explicit DaemonClient(std::string socket) : socket_(std::move(socket)) {}

  Result<wire::LeaseAnswer> acquire(lease::LeaseRequest request, const OnWait& on_wait) override {
    if (request.key.empty()) {
      request.key = random_key();
    }
    const auto give_up = Steady::now() + Millis(request.wait_ms);
    auto heard = Steady::now();
    std::string told;
    for (;;) {
      auto answer = ask("POST", "/v1/leases", wire::lease_request_document(request));
      if (!answer) {
        // Retries with the same key, which keeps the request's place in the queue.
        if (!broken_ || Steady::now() - heard > kDaemonAway) {
          return answer;
        }
        std::this_thread::sleep_for(kBetweenTries);
        continue;
      }
      heard = Steady::now();
      if (!answer->leases.empty()) {
        return answer;
      }
      if (!answer->queue.empty() && answer->queue.front().reason != told) {
        told = answer->queue.front().reason;
        on_wait(answer->queue.front());
      }
      if (heard > give_up + kDaemonAway) {
        return fail(
            ErrorCode::kTimeout, "nothing came free in time: " + told, "wait longer (--wait)");
      }
    }
  }

  Result<wire::LeaseAnswer> release(std::int64_t lease) override {
    return ask("DELETE", fmt::format("/v1/leases/{}", lease), "");
  }

  Result<std::string> announce(std::int64_t lease, std::uint32_t pid) override {
    wire::LeaseChange change;
    change.heir = lease::LeaseHolder::process(pid, 0);
    return changed(lease, change);
  }

  Result<std::string> for_containers(std::int64_t lease,
                                     const lease::ContainerCgroups& how) override {
    wire::LeaseChange change;
    change.containers = how;
    return changed(lease, change);
  }

  Result<std::string> changed(std::int64_t lease, const wire::LeaseChange& change) {
    const std::string body = wire::lease_change_document(change);
    const auto give_up = Steady::now() + kDaemonAway;
    for (;;) {
      auto answer = ask("PATCH", fmt::format("/v1/leases/{}", lease), body);
      if (answer) {
        return cgroup_of(*answer, lease);
      }
      // The daemon may be starting again: what it was told is in its store, and telling it twice
      // does no harm.
      if (!broken_ || Steady::now() > give_up) {
        return std::move(answer).error();
      }
      std::this_thread::sleep_for(kBetweenTries);
    }
  }

  Result<wire::LeaseAnswer> list() override { return ask("GET", "/v1/leases", ""); }

  Result<wire::LeaseAnswer> queue() override { return ask("GET", "/v1/queue", ""); }

  Result<wire::LeaseAnswer> tenants() override { return ask("GET", "/v1/tenants", ""); }

  Result<wire::LeaseAnswer> reload() override { return ask("POST", "/v1/reload", ""); }

  Result<wire::FreeAnswer> free() override {
    MIG_ASSIGN_OR_RETURN(const http::Answer answer,
                         http::call(socket_, "GET", "/v1/free", "", kCallTimeout));
    return wire::parse_free(answer.body);
  }

  Result<wire::UsageAnswer> usage(cost::Period period) override {
    const std::string target =
        fmt::format("/v1/usage?fromMs={}&untilMs={}", period.from_ms, period.until_ms);
    MIG_ASSIGN_OR_RETURN(const http::Answer answer,
                         http::call(socket_, "GET", target, "", kCallTimeout));
    return wire::parse_usage(answer.body);
  }

  Result<wire::LeaseHistoryAnswer> history_page(const lease::EventFilter& filter) override {
    std::string target = fmt::format("/v1/history/leases?limit={}", filter.limit);
    if (!filter.tenant.empty()) {
      target += "&tenant=" + http::percent_encoded(filter.tenant);
    }
    if (filter.uid) {
      target += fmt::format("&uid={}", *filter.uid);
    }
    if (filter.since_ms) {
      target += fmt::format("&sinceMs={}", *filter.since_ms);
    }
    if (filter.until_ms) {
      target += fmt::format("&untilMs={}", *filter.until_ms);
    }
    if (filter.before) {
      target += fmt::format("&before={}", *filter.before);
    }
    MIG_ASSIGN_OR_RETURN(const http::Answer answer,
                         http::call(socket_, "GET", target, "", kCallTimeout));
    return wire::parse_lease_history(answer.body);
  }

 private:
  Result<wire::LeaseAnswer> ask(const std::string& method,
                                const std::string& target,
                                const std::string& body) {
    broken_ = false;
    auto answer = http::call(socket_, method, target, body, kCallTimeout);
    if (!answer) {
      broken_ = true;
      return std::move(answer).error();
    }
    return wire::parse_lease_answer(answer->body);
  }

  std::string socket_;
  bool broken_ = false;
};

class StoreClient final : public LeaseClient {
 public:
  StoreClient(std::unique_ptr<service::LeaseDesk> desk, wire::Source source)
      : desk_(std::move(desk)), source_(std::move(source)), peer_(service::own_peer()) {}

  Result<wire::LeaseAnswer> acquire(lease::LeaseRequest request, const OnWait& on_wait) override {
    request.waiter = lease::LeaseHolder::process(peer_.pid, 0);
    wire::LeaseAnswer answer = fresh();
    MIG_ASSIGN_OR_RETURN(answer.leases, desk_->acquire(request, peer_, on_wait));
    return answer;
  }

  Result<wire::LeaseAnswer> release(std::int64_t lease) override {
    wire::LeaseAnswer answer = fresh();
    MIG_ASSIGN_OR_RETURN(lease::Lease released, desk_->release(lease, peer_));
    answer.leases.push_back(released);
    if (!released.ending.empty()) {
      MIG_TRY(desk_->finish(lease));  // nobody else does
      answer.leases.front().ending.clear();
      answer.leases.front().processes = 0;
    }
    static_cast<void>(desk_->serve_waiting());  // need not wait for a scheduling pass
    return answer;
  }

  Result<std::string> announce(std::int64_t lease, std::uint32_t pid) override {
    MIG_TRY(desk_->bequeath(lease, lease::LeaseHolder::process(pid, 0), peer_));
    wire::LeaseAnswer all = fresh();
    MIG_ASSIGN_OR_RETURN(all.leases, desk_->list(peer_));
    return cgroup_of(all, lease);
  }

  Result<std::string> for_containers(std::int64_t lease,
                                     const lease::ContainerCgroups& how) override {
    MIG_TRY(desk_->for_containers(lease, how, peer_));
    wire::LeaseAnswer all = fresh();
    MIG_ASSIGN_OR_RETURN(all.leases, desk_->list(peer_));
    return cgroup_of(all, lease);
  }

  Result<wire::LeaseAnswer> list() override {
    wire::LeaseAnswer answer = fresh();
    MIG_ASSIGN_OR_RETURN(answer.leases, desk_->list(peer_));
    MIG_ASSIGN_OR_RETURN(answer.unleased, desk_->unleased(peer_));
    return answer;
  }

  Result<wire::LeaseAnswer> queue() override {
    wire::LeaseAnswer answer = fresh();
    MIG_ASSIGN_OR_RETURN(answer.queue, desk_->queue(peer_));
    return answer;
  }

  Result<wire::LeaseAnswer> tenants() override {
    wire::LeaseAnswer answer = fresh();
    MIG_ASSIGN_OR_RETURN(answer.tenants, desk_->tenants(peer_));
    answer.site = desk_->site(peer_);
    return answer;
  }

  Result<wire::LeaseAnswer> reload() override { return tenants(); }

  Result<wire::FreeAnswer> free() override {
    const service::Peer root;  // sees the requests of all
    MIG_ASSIGN_OR_RETURN(const auto queue, desk_->queue(root));
    MIG_ASSIGN_OR_RETURN(FreeReport report, desk_->free(peer_, queue));
    return wire::FreeAnswer{std::move(report), source_};
  }

  Result<wire::UsageAnswer> usage(cost::Period period) override {
    MIG_ASSIGN_OR_RETURN(cost::Usage usage, service::read_usage(desk_->node(), period));
    return wire::UsageAnswer{service::seen_by(std::move(usage), desk_->tenant_of(peer_)), source_};
  }

  Result<wire::LeaseHistoryAnswer> history_page(const lease::EventFilter& filter) override {
    wire::LeaseHistoryAnswer answer;
    answer.source = source_;
    MIG_ASSIGN_OR_RETURN(answer.history, desk_->history(filter, peer_));
    return answer;
  }

 private:
  wire::LeaseAnswer fresh() const {
    wire::LeaseAnswer answer;
    answer.source = source_;
    return answer;
  }

  std::unique_ptr<service::LeaseDesk> desk_;
  wire::Source source_;
  service::Peer peer_;
};

}  // namespace

Result<wire::LeaseHistoryAnswer> LeaseClient::history(lease::EventFilter filter,
                                                      std::uint32_t last) {
  wire::LeaseHistoryAnswer all;
  filter.before.reset();
  do {
    const auto missing = last - static_cast<std::uint32_t>(all.history.events.size());
    filter.limit = std::min(missing, lease::EventFilter::kMostEvents);
    MIG_ASSIGN_OR_RETURN(wire::LeaseHistoryAnswer page, history_page(filter));
    all.source = page.source;
    std::move(page.history.events.begin(),
              page.history.events.end(),
              std::back_inserter(all.history.events));
    all.history.next = page.history.next;
    filter.before = page.history.next;
  } while (all.history.next && all.history.events.size() < last);
  return all;
}

std::unique_ptr<LeaseClient> LeaseClient::of_daemon(const Options& options) {
  const std::string socket = daemon_socket(options.choice);
  return http::somebody_listens(socket) ? std::make_unique<DaemonClient>(socket) : nullptr;
}

Result<std::unique_ptr<LeaseClient>> LeaseClient::open(const Options& options,
                                                       const OpenNode& open_node) {
  const std::string socket = daemon_socket(options.choice);
  if (http::somebody_listens(socket)) {
    return std::unique_ptr<LeaseClient>(new DaemonClient(socket));
  }
  MIG_ASSIGN_OR_RETURN(node::Node * node, open_node());
  const std::string store = node->places().leases();
  const std::string folder = store.substr(0, store.rfind('/'));
  const bool ours = node->simulated() ? ::access(folder.c_str(), W_OK) == 0 : ::geteuid() == 0;
  const bool readable =
      ::access(store.c_str(), F_OK) != 0 || ::access(store.c_str(), R_OK | W_OK) == 0;
  if (!ours || !readable) {
    return fail(
        ErrorCode::kPermission,
        fmt::format("leases need root, or the daemon migd, and nobody listens on {}", socket),
        "an admin starts it: systemctl start migd.socket, or: migctl serve");
  }
  MIG_ASSIGN_OR_RETURN(const Tenants tenants, service::read_tenants(""));
  MIG_ASSIGN_OR_RETURN(auto desk,
                       service::LeaseDesk::open(*node, tenants, node::Age::of_command()));
  return std::unique_ptr<LeaseClient>(
      new StoreClient(std::move(desk), {node->simulated(), node->machine_name()}));
}

}  // namespace mig::client
