// SPDX-License-Identifier: Apache-2.0
#include "daemon/daemon.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/file_lock.h"
#include "base/own_path.h"
#include "base/strings.h"
#include "daemon/api.h"
#include "daemon/api_instances.h"
#include "daemon/api_jobs.h"
#include "daemon/api_layout.h"
#include "daemon/api_machine.h"
#include "daemon/connections.h"
#include "daemon/events.h"
#include "daemon/health.h"
#include "daemon/metrics.h"
#include "daemon/metrics_sources.h"
#include "daemon/news.h"
#include "daemon/notify.h"
#include "daemon/openapi.h"
#include "daemon/sample_news.h"
#include "daemon/watch.h"
#include "daemon/web.h"
#include "http/server.h"
#include "service/driver_thread.h"
#include "service/lease_cgroup.h"
#include "service/lease_desk.h"
#include "service/tenants_check.h"

namespace mig::daemon {
namespace {

// Longest time that a dead lease holder goes unnoticed without a pidfd.
constexpr std::chrono::milliseconds kTick{200};
// Maximum age of a reading for scheduling; grants are checked against a new reading.
constexpr node::Age kInventoryAge = node::Age::at_most(std::chrono::milliseconds(200));
// Polling period of liveness; pidfds report in between.
constexpr std::int64_t kReapEveryMs = 200;

// Period of the look for events.
constexpr std::chrono::milliseconds kNews{200};

// How long the daemon waits at its end for a call of the driver, or a change under way.
constexpr std::chrono::milliseconds kLastPatience{20'000};

// A pidfd per process that holds a lease: its end is reported at once.
class HolderWatch {
  static constexpr std::size_t kMostWatched = 4096;

 public:
  HolderWatch(http::Server& server, std::function<void()> ended)
      : server_(server), ended_(std::move(ended)) {}

  void watch(const std::vector<lease::LeaseHolder>& holders) {
    for (const lease::LeaseHolder& holder : holders) {
      const std::pair key(holder.pid, holder.start_ticks);
      if (watched_.contains(key) || watched_.size() >= kMostWatched) {
        continue;  // beyond the limit, the periodic check finds it
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

constexpr std::size_t kMostTold = 20;

void log_line(const DaemonOptions& options, const std::string& line) {
  if (options.log) {
    options.log("migd: " + line);
  }
}

// At the start unknown users are warned of only: a directory of users that is slow at boot must not
// cost the node its broker.
void tell_unknown(const service::CheckedTenants& checked, const DaemonOptions& options) {
  for (std::size_t i = 0; i < checked.unknown.size() && i < kMostTold; ++i) {
    log_line(options, "warning: " + checked.unknown[i].message);
  }
  if (checked.unknown.size() > kMostTold) {
    log_line(options,
             fmt::format("warning: and {} more; migctl tenant check {} tells all",
                         checked.unknown.size() - kMostTold,
                         checked.file));
  }
}

// The file as it is now takes the place of what was read before, or nothing changes.
Result<void> reload_tenants(service::LeaseDesk& desk, Api& api, const DaemonOptions& options) {
  auto next = service::reread_tenants(options.tenants, desk.tenants_file());
  if (!next) {
    log_line(options, "tenants not read again, what they were stays: " + next.error().text());
    return std::move(next).error();
  }
  const std::vector<std::string> changes = service::tenant_differences(desk.tenants_file(), *next);
  log_line(options,
           changes.empty() ? std::string("tenants read again: nothing changed")
                           : "tenants read again: " + base::join(changes, "; "));
  desk.set_tenants(*next);
  api.forget_peers();
  return {};
}

void tell_unleased(const lease::UnleasedProcess& process, const DaemonOptions& options) {
  if (options.log) {
    options.log(fmt::format("migd: without a lease: pid {} ({}) of {}, tenant {}, on {} ({})",
                            process.pid,
                            process.command,
                            base::owner_text(process.uid),
                            process.tenant,
                            process.instance.str(),
                            process.instance.uuid));
  }
}

void tell_started(const std::string& socket,
                  const std::string& tenants_file,
                  const std::string& unguarded,
                  const DaemonOptions& options) {
  if (!options.log) {
    return;
  }
  options.log(fmt::format("migd: listening on {}; tenants: {}",
                          socket,
                          tenants_file.empty() ? "each user its own" : tenants_file));
  if (!unguarded.empty()) {
    options.log("migd: everybody can open the instances' device nodes: " + unguarded);
  }
}

void tell_stopped(bool driver_ended, const DaemonOptions& options) {
  if (options.log) {
    options.log("migd: stopped; leases stay with their holders");
  }
  if (driver_ended) {
    return;
  }
  if (options.log) {
    options.log("migd: the driver does not answer; its thread is left behind");
  }
  if (options.abandon) {
    options.abandon();
  }
}

WebOptions with_tokens(WebOptions options, const node::Node& node) {
  if (options.tokens.empty()) {
    options.tokens = default_tokens(node);
  }
  return options;
}

// A daemon that serves. Members in order of construction: each refers to those before it.
class Serving {
 public:
  Serving(node::Node& node,
          service::LeaseDesk& desk,
          const wire::Source& source,
          const DaemonOptions& options)
      : node_(node),
        desk_(desk),
        source_(source),
        options_(options),
        api_(desk, source),
        layouts_(api_, source),
        instances_(api_, desk, source, options.version),
        jobs_(api_, node, source),
        machine_(node, source, {options.version, options.keep_open}, base::system_clock()),
        health_(source, options.version),
        sampling_(api_, desk, source, options.sample),
        metrics_(metrics_sources(api_, desk, sampling_, node.places().journal(), options_),
                 options.dcgm,
                 error_writer(source)),
        web_(with_tokens(options.web, node), error_writer(source), options.log),
        events_(
            source,
            error_writer(source),
            [this](const http::Request& request) { return api_.reader(request); },
            [this](const std::string& token) { return web_.tokens().counts(token); },
            base::system_clock()),
        news_(desk, health_, events_) {}

  Result<void> open(base::Fd listener) {
    layouts_.add_to(api_.router());
    instances_.add_to(api_.router());
    jobs_.add_to(api_.router());
    machine_.add_to(api_.router());
    health_.add_to(api_.router());
    sampling_.add_to(api_.router());
    metrics_.add_to(api_.router());
    sampling_.on_sample([this](const Watch::Sample& sample) {
      metrics_.next_tick();
      for (wire::EventNews& news : sample_news_.look(*sample)) {
        events_.publish(std::move(news));
      }
    });
    if (!sampling_.off()) {
      health_.add("sampler", [this] { return sampling_.trouble(); });
      if (sampling_.uses_dcgm()) {
        health_.add("dcgm", [this] { return sampling_.dcgm_trouble(); });
      }
    }
    machine_.on_rest = [this](std::uint32_t pid) { sampling_.let_go(pid); };
    events_.add_to(api_.router());
    add_openapi(api_.router(), options_.version);
    MIG_ASSIGN_OR_RETURN(server_,
                         http::Server::open(std::move(listener),
                                            limits_of_connections(),
                                            web_.checked([this](const http::Request& request,
                                                                const http::Reply& reply) {
                                              handle(request, reply);
                                            }),
                                            error_writer(source_)));
    MIG_TRY(web_.listen(*server_));
    watch_.emplace(*server_, [this] { api_.soon(true); });
    report();
    api_.start();
    machine_.rest_when_idle();
    sampling_.start(node_, [this](std::function<void()> call) { server_->post(std::move(call)); });
    use_driver_thread();
    server_->every(kTick, [this] { tick(); });
    return {};
  }

  // Serves until it is told to end. False: the driver does not answer, and its thread, which uses
  // the node, is left behind.
  bool run() {
    server_->run();
    tell_systemd("STOPPING=1");
    const bool sampler_ended = sampling_.stop(kLastPatience);
    const bool driver_ended = driver_->stop(kLastPatience) && sampler_ended;
    api_.stop();
    return driver_ended;
  }

 private:
  // A token's user whose role may not look, or may only look, gets no further: also where a path
  // forgets to ask.
  void handle(const http::Request& request, const http::Reply& reply) {
    if (!request.token.empty()) {
      const auto tenant = api_.reader(request);
      if (!tenant) {
        return reply(http::refusal(tenant.error(), error_writer(source_)));
      }
      if (request.method != "GET" && tenant->role < Role::kUser) {
        return reply(http::refusal(
            Error{
                ErrorCode::kPermission,
                fmt::format("the role of the token's user, tenant {}, is {} here: it may only look",
                            tenant->name,
                            name_of(tenant->role)),
                "migctl token create --role",
                {},
                {}},
            error_writer(source_)));
      }
    }
    api_.handle(request, reply);
  }

  // What is seen while serving goes to the log, and a changed tenants file comes into use.
  void report() {
    api_.on_holders = [this](const std::vector<lease::LeaseHolder>& holders) {
      watch_->watch(holders);
    };
    desk_.on_unleased(
        [this](const lease::UnleasedProcess& process) { tell_unleased(process, options_); });
    api_.on_trouble = [this](const Error& error) {
      if (told_ != error.message) {
        log_line(options_, error.text());
      }
      told_ = error.message;
    };
    api_.on_reload = [this] { return reload(); };
    // SIGHUP means the same as POST /v1/reload; who sent it is told by the log.
    server_->on_hangup([this] {
      static_cast<void>(reload());
      reload_options();
    });
    jobs_.use({[this](base::Fd fd, std::function<void()> call) {
                 server_->when_readable(std::move(fd), std::move(call));
               },
               [this](std::chrono::milliseconds time, std::function<void()> call) {
                 server_->after(time, std::move(call));
               }});
    news_.start();
    server_->every(kNews, [this] {
      news_.look();
      events_.tick();
    });
    // Listeners are called on the driver's thread, and not after its end (service/driver_thread.h).
    node_.after_change("events", [this](const apply::AfterChange& change) -> Result<void> {
      auto all = layout_news(change.before, change.after, std::string(name_of(change.cause)));
      server_->post([this, all = std::move(all)] {
        for (const wire::EventNews& news : all) {
          events_.publish(news);
        }
      });
      return {};
    });
  }

  // Who may see what may have changed: event streams are begun anew.
  Result<void> reload() {
    Result<void> done = reload_tenants(desk_, api_, options_);
    if (done) {
      events_.end_all();
    }
    return done;
  }

  // The configuration file as it is now, as far as it can be taken over while serving.
  void reload_options() {
    Result<DaemonOptions> next = options_.again ? options_.again() : options_;
    if (!next) {
      return web_.reload(std::move(next).error());
    }
    web_.reload(next->web);
    metrics_.set_dialect(next->dcgm);
    options_.hpc_jobs = next->hpc_jobs;
    options_.dcgm = next->dcgm;
    if (next->sample != options_.sample || next->keep_open != options_.keep_open) {
      log_line(options_,
               "configuration read again: sample and keep_open take effect with a restart");
    }
  }

  // From here on the node belongs to its thread: nothing here waits for the driver. Outside of the
  // idle time after a reading the daemon has no GPU open between requests: an open one would block
  // a mode change.
  void use_driver_thread() {
    const auto post = [this](std::function<void()> call) { server_->post(std::move(call)); };
    driver_.emplace(node_, post);
    health_.add("driver", [this] { return service::driver_trouble(driver_->busy()); });
    api_.use(*driver_,
             {post,
              [this](std::chrono::milliseconds time, std::function<void()> call) {
                server_->after(time, std::move(call));
              }},
             [this] { machine_.rest_when_idle(); });
    machine_.use([this](const std::string& what,
                        const std::function<Result<std::string>()>& work,
                        const MachineApi::Done& done) {
      api_.on_driver(
          what, [work](node::Node&) { return work(); }, done);
    });
  }

  void tick() {
    watchdog_.loop_turns();
    sampling_.check();
    api_.soon(true);
    resting_ = resting_ || driver_->run(
                               "closing the driver",
                               [this](node::Node&) {
                                 machine_.rest_when_idle();
                                 return true;
                               },
                               [this](bool) { resting_ = false; });
  }

  node::Node& node_;
  service::LeaseDesk& desk_;
  const wire::Source& source_;
  DaemonOptions options_;  // a reload changes some
  Api api_;
  LayoutApi layouts_;
  InstancesApi instances_;
  JobsApi jobs_;
  MachineApi machine_;
  Health health_;
  Watch sampling_;
  Metrics metrics_;
  Web web_;
  Events events_;
  NewsDesk news_;
  SampleNews sample_news_;
  std::unique_ptr<http::Server> server_;
  std::optional<HolderWatch> watch_;
  std::optional<service::DriverThread> driver_;
  Watchdog watchdog_{watchdog_period(), base::system_clock()};
  std::string told_;      // the last trouble, told once
  bool resting_ = false;  // the driver's thread looks whether it is idle, or will
};

}  // namespace

Result<std::string> default_socket(const node::Node& node) {
  return store::Places(node.places().machine(), store::Surroundings::ours()).daemon_socket();
}

Result<void> run_daemon(node::Node& node,
                        const wire::Source& source,
                        const DaemonOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);
  allow_descriptors();
  node.answers_from(node::Age::fresh());
  MIG_ASSIGN_OR_RETURN(const service::CheckedTenants checked,
                       service::check_tenants(options.tenants));
  tell_unknown(checked, options);
  MIG_ASSIGN_OR_RETURN(
      auto desk, service::LeaseDesk::open(node, checked.tenants, kInventoryAge, kReapEveryMs));
  MIG_ASSIGN_OR_RETURN(const std::string unguarded,
                       service::guard_or_open(*desk, options.guard_nodes));
  service::guard_new_instances(node);
  std::string socket = options.socket;
  if (socket.empty()) {
    MIG_ASSIGN_OR_RETURN(socket, default_socket(node));
  }
  MIG_ASSIGN_OR_RETURN(
      const base::FileLock lock,
      base::FileLock::acquire(
          socket + ".lock", std::chrono::milliseconds(0), base::system_clock(), "migd"));
  // The lock is held: no other daemon of this machine has made them.
  const service::LeaseCgroups cgroups(node.places().machine(), {});
  cgroups.remove_empty();
  MIG_ASSIGN_OR_RETURN(http::Listener listener, http::listen_unix(socket));
  Serving serving(node, *desk, source, options);
  MIG_TRY(serving.open(std::move(listener.fd)));
  tell_started(socket, checked.tenants.from_file ? checked.file : "", unguarded, options);
  tell_systemd("READY=1");
  const bool driver_ended = serving.run();
  cgroups.remove_empty();
  if (listener.ours) {
    ::unlink(socket.c_str());  // removed at once, so clients see that no server listens
  }
  tell_stopped(driver_ended, options);
  return {};
}

}  // namespace mig::daemon
