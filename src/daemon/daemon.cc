// SPDX-License-Identifier: Apache-2.0
#include "daemon/daemon.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/file_lock.h"
#include "daemon/api.h"
#include "daemon/api_machine.h"
#include "http/server.h"
#include "service/lease_desk.h"

namespace mig::daemon {
namespace {

// How long a dead holder of a lease can go unnoticed where no pidfd tells of it.
constexpr std::chrono::milliseconds kTick{200};
// A look at the machine so old is good enough to choose by; grants are held against a new one.
constexpr std::int64_t kInventoryAgeMs = 200;
// Between, the pidfds tell.
constexpr std::int64_t kReapEveryMs = 200;

// READY=1 and the like, when systemd started us with Type=notify.
void tell_systemd(const char* state) {
  const char* path = std::getenv("NOTIFY_SOCKET");  // NOLINT(concurrency-mt-unsafe)
  sockaddr_un address{};
  if (path == nullptr || *path == '\0' || std::strlen(path) >= sizeof(address.sun_path)) {
    return;
  }
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path, std::strlen(path));
  if (*path == '@') {
    address.sun_path[0] = '\0';
  }
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
  const base::Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (fd.valid()) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): how sendto(2) takes addresses
    static_cast<void>(::sendto(fd.get(),
                               state,
                               std::strlen(state),
                               MSG_NOSIGNAL,
                               reinterpret_cast<const sockaddr*>(&address),
                               size));
  }
}

// Connections and pidfds: more than a login's default.
void allow_descriptors() {
  constexpr rlim_t kEnough = 8192;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kEnough) {
    return;
  }
  limit.rlim_cur = std::min(limit.rlim_max, kEnough);
  static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));
}

// A pidfd per process that holds a lease: its end is known at once.
class HolderWatch {
  static constexpr std::size_t kMostWatched = 4096;

 public:
  HolderWatch(http::Server& server, std::function<void()> ended)
      : server_(server), ended_(std::move(ended)) {}

  void watch(const std::vector<lease::LeaseHolder>& holders) {
    for (const lease::LeaseHolder& holder : holders) {
      const std::pair key(holder.pid, holder.start_ticks);
      if (watched_.contains(key) || watched_.size() >= kMostWatched) {
        continue;  // the tick sees those that are too many
      }
      base::Fd process(static_cast<int>(::syscall(SYS_pidfd_open, holder.pid, 0)));
      if (!process.valid()) {
        continue;
      }
      watched_.insert(key);
      server_.when_readable(std::move(process), [this, key] {
        watched_.erase(key);
        ended_();
      });
    }
  }

 private:
  http::Server& server_;
  std::function<void()> ended_;
  std::set<std::pair<std::uint32_t, std::uint64_t>> watched_;
};

}  // namespace

Result<std::string> default_socket(const node::Node& node) {
  return node.places().daemon_socket();
}

Result<void> run_daemon(node::Node& node,
                        const wire::Source& source,
                        const DaemonOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);
  allow_descriptors();
  const std::string tenants_file =
      store::tenants_file(options.tenants, store::Surroundings::ours());
  MIG_ASSIGN_OR_RETURN(const Tenants tenants, service::read_tenants(options.tenants));
  MIG_ASSIGN_OR_RETURN(auto desk,
                       service::LeaseDesk::open(node, tenants, kInventoryAgeMs, kReapEveryMs));
  MIG_TRY(service::guard_or_open(*desk, options.guard_nodes));
  std::string socket = options.socket;
  if (socket.empty()) {
    MIG_ASSIGN_OR_RETURN(socket, default_socket(node));
  }
  MIG_ASSIGN_OR_RETURN(
      const base::FileLock lock,
      base::FileLock::acquire(
          socket + ".lock", std::chrono::milliseconds(0), base::system_clock(), "migd"));
  MIG_ASSIGN_OR_RETURN(http::Listener listener, http::listen_unix(socket));
  const bool ours = listener.ours;
  Api api(*desk, source);
  MachineApi machine(node, source, {options.version, options.keep_open}, base::system_clock());
  machine.add_to(api.router());
  MIG_ASSIGN_OR_RETURN(auto server,
                       http::Server::open(
                           std::move(listener.fd),
                           http::Limits{},
                           [&api](const http::Request& request, const http::Reply& reply) {
                             api.handle(request, reply);
                           },
                           error_writer(source)));
  HolderWatch watch(*server, [&api] { api.step(); });
  api.on_holders = [&watch](const std::vector<lease::LeaseHolder>& holders) {
    watch.watch(holders);
  };
  std::string told;
  api.on_trouble = [&](const Error& error) {
    if (options.log && told != error.message) {
      options.log("migd: " + error.text());
    }
    told = error.message;
  };
  api.start();
  machine.rest_when_idle();
  // But for a while after a reading the daemon has no GPU open between requests: it would be in the
  // way of a mode change.
  server->every(kTick, [&api, &machine] {
    api.step();
    machine.rest_when_idle();
  });
  if (options.log) {
    options.log(fmt::format("migd: listening on {}; tenants: {}",
                            socket,
                            tenants.from_file ? tenants_file : std::string("each user its own")));
  }
  tell_systemd("READY=1");
  server->run();
  tell_systemd("STOPPING=1");
  api.stop();
  if (ours) {
    ::unlink(socket.c_str());  // nobody listens: clients can tell at once
  }
  if (options.log) {
    options.log("migd: stopped; leases stay with their holders");
  }
  return {};
}

}  // namespace mig::daemon
