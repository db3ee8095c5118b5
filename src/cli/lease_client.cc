// SPDX-License-Identifier: Apache-2.0
#include "cli/lease_client.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <random>
#include <thread>

#include <fmt/core.h>

#include "base/strings.h"
#include "http/client.h"
#include "node/driver.h"
#include "service/lease_desk.h"

namespace mig::cli {
namespace {

using Steady = std::chrono::steady_clock;
using Millis = std::chrono::milliseconds;

constexpr Millis kCallTimeout{30'000};
// How long a daemon may be away (restarted, say) while somebody waits for a lease.
constexpr Millis kDaemonAway{15'000};
constexpr Millis kBetweenTries{200};

std::string random_key() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}{:08x}", device(), device(), device());
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
        // The same key finds the same request again, in its place.
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

  Result<void> bequeath(std::int64_t lease, std::uint32_t pid) override {
    wire::LeaseChange change;
    change.heir = lease::Holder::process(pid, 0);
    MIG_TRY(ask("PATCH", fmt::format("/v1/leases/{}", lease), wire::lease_change_document(change)));
    return {};
  }

  Result<wire::LeaseAnswer> list() override { return ask("GET", "/v1/leases", ""); }

  Result<wire::LeaseAnswer> queue() override { return ask("GET", "/v1/queue", ""); }

  Result<wire::LeaseAnswer> tenants() override { return ask("GET", "/v1/tenants", ""); }

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
  StoreClient(std::unique_ptr<service::LeaseDesk> desk, Context& context)
      : desk_(std::move(desk)), context_(context), peer_(service::own_peer()) {}

  Result<wire::LeaseAnswer> acquire(lease::LeaseRequest request, const OnWait& on_wait) override {
    request.waiter = lease::Holder::process(peer_.pid, 0);
    wire::LeaseAnswer answer = fresh();
    MIG_ASSIGN_OR_RETURN(answer.leases, desk_->acquire(request, peer_, on_wait));
    return answer;
  }

  Result<wire::LeaseAnswer> release(std::int64_t lease) override {
    wire::LeaseAnswer answer = fresh();
    MIG_ASSIGN_OR_RETURN(lease::Lease released, desk_->release(lease, peer_));
    answer.leases.push_back(std::move(released));
    static_cast<void>(desk_->serve_waiting());  // who waits for it need not wait for the next turn
    return answer;
  }

  Result<void> bequeath(std::int64_t lease, std::uint32_t pid) override {
    return desk_->bequeath(lease, lease::Holder::process(pid, 0), peer_);
  }

  Result<wire::LeaseAnswer> list() override {
    wire::LeaseAnswer answer = fresh();
    MIG_ASSIGN_OR_RETURN(answer.leases, desk_->list(peer_));
    return answer;
  }

  Result<wire::LeaseAnswer> queue() override {
    wire::LeaseAnswer answer = fresh();
    MIG_ASSIGN_OR_RETURN(answer.queue, desk_->queue(peer_));
    return answer;
  }

  Result<wire::LeaseAnswer> tenants() override {
    wire::LeaseAnswer answer = fresh();
    MIG_ASSIGN_OR_RETURN(const auto views, desk_->tenants(peer_));
    for (const auto& view : views) {
      answer.tenants.push_back({view.tenant,
                                view.leases,
                                view.used.slices,
                                view.used.sm,
                                view.used.memory_mib,
                                view.used.instances});
    }
    return answer;
  }

 private:
  wire::LeaseAnswer fresh() const {
    wire::LeaseAnswer answer;
    answer.source = context_.source_or_default();
    return answer;
  }

  std::unique_ptr<service::LeaseDesk> desk_;
  Context& context_;
  service::Peer peer_;
};

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return value == nullptr ? "" : value;
}

}  // namespace

Result<std::int32_t> parse_priority(const std::string& text) {
  if (text.empty()) {
    return 0;
  }
  const bool negative = text.front() == '-';
  const auto number = base::parse_decimal(std::string_view(text).substr(negative ? 1 : 0), 1000);
  if (!number) {
    return fail(
        ErrorCode::kUsage,
        fmt::format("--priority is {}: a number from -100 to 100 is expected", base::quoted(text)));
  }
  return static_cast<std::int32_t>(*number) * (negative ? -1 : 1);
}

std::string daemon_socket(const Globals& globals) {
  if (std::string chosen = environment("MIGCTL_SOCKET"); !chosen.empty()) {
    return chosen;
  }
  if (!globals.simulated.empty()) {
    const bool folder = globals.simulated.find('/') != std::string::npos;
    return (folder ? globals.simulated : node::machines_root() + "/" + globals.simulated) +
           "/run/migd.sock";
  }
  if (const std::string machine = environment("MIGSIM_MACHINE");
      !machine.empty() && http::somebody_listens(machine + "/run/migd.sock")) {
    return machine + "/run/migd.sock";
  }
  if (globals.nvml_library.empty() && !http::somebody_listens("/run/migctl/migd.sock")) {
    // The one simulated machine that there is, as for every other command.
    const std::string root = node::machines_root();
    const auto names = node::machine_names(root);
    if (names.size() == 1 && http::somebody_listens(root + "/" + names[0] + "/run/migd.sock")) {
      return root + "/" + names[0] + "/run/migd.sock";
    }
  }
  return "/run/migctl/migd.sock";
}

Result<std::unique_ptr<LeaseClient>> LeaseClient::open(Context& context) {
  const std::string socket = daemon_socket(context.globals());
  if (http::somebody_listens(socket)) {
    return std::unique_ptr<LeaseClient>(new DaemonClient(socket));
  }
  MIG_ASSIGN_OR_RETURN(node::Node * node, context.machine());
  const std::string store = node->lease_store_path();
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
  return std::unique_ptr<LeaseClient>(new StoreClient(std::move(desk), context));
}

}  // namespace mig::cli
