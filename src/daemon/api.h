// SPDX-License-Identifier: Apache-2.0
// Inside of daemon/: version 1 of the API. The table of methods, paths and query parameters is in
// the constructor; docs/reference/leases.md documents it, and a test compares the two.
#ifndef MIGCTL_DAEMON_API_H_
#define MIGCTL_DAEMON_API_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "http/router.h"
#include "http/server.h"
#include "service/driver_thread.h"
#include "service/lease_desk.h"
#include "wire/leases.h"

namespace mig::daemon {

// Writes the Error document for every refusal of the daemon, including the HTTP server's own.
http::ErrorWriter error_writer(const wire::Source& source);

class Api {
 public:
  Api(service::LeaseDesk& desk, const wire::Source& source);

  void handle(const http::Request& request, const http::Reply& reply) const {
    router_.handle(request, reply);
  }

  const http::Router& router() const { return router_; }

  // For additional paths, to be added before serving.
  http::Router& router() { return router_; }

  // From now on the driver's work is done by that thread, and nothing here waits for it: what needs
  // a reading of the machine waits for it, but no longer than kPatience, then for the one that is
  // known. `loop`: how to run something later, on the thread of the API.
  struct Loop {
    std::function<void(std::function<void()>)> post;
    std::function<void(std::chrono::milliseconds, std::function<void()>)> after;
  };

  // `after_work`: called on the driver's thread after each of its jobs.
  void use(service::DriverThread& driver, Loop loop, std::function<void()> after_work);

  static constexpr std::chrono::milliseconds kDriverPatience{10'000};

  // Runs `work` on the driver's thread, and `done` here, with an error where it takes too long.
  // `patience`: nullopt = as long as it takes, for changes: who is told that one takes too long
  // would not know what became of it.
  using Work = std::function<Result<std::string>(node::Node&)>;
  void on_driver(const std::string& what,
                 const Work& work,
                 const std::function<void(Result<std::string>)>& done,
                 std::optional<std::chrono::milliseconds> patience = kDriverPatience);
  // Runs `call` here after that time. False, and it is not: there is no loop, as without a thread
  // of the driver.
  bool later(std::chrono::milliseconds time, std::function<void()> call);

  // Runs a scheduling pass over the store, then replies to requests that are done waiting. Call
  // periodically, and when something may have changed.
  void step(bool reap = true);
  // step() soon, once for all that happened until then; at once without a loop.
  void soon(bool reap);
  // Call once, before serving: reports existing leases to on_holders.
  void start();

  // The client, with its names, which are looked up once a minute; and that its role may look.
  const service::Peer& peer_of(const http::Request& request);
  Result<void> may_look(const service::Peer& peer) const;

  // The requests that wait, everybody's, in their order; valid until the next call.
  Result<const std::vector<lease::QueueEntry>*> waiting();
  // The tenant of who asks; kPermission where its role may not look.
  Result<Tenant> reader(const http::Request& request);
  // The same; kPermission, which names `what`, for one of a lesser role.
  Result<Tenant> at_least(const http::Request& request, Role role, const char* what);

  // Looks up names and groups of clients anew.
  void forget_peers();

  // Drops waiting requests; their clients retry with their key. Call before the server is
  // destroyed: each request refers to a connection.
  void stop() {
    pending_.clear();
    awaiting_.clear();
    released_.clear();
  }

  // Called with processes that leases are bound to.
  std::function<void(const std::vector<lease::LeaseHolder>&)> on_holders;
  // Called for an admin who wants the tenants file read again; an Error: what it said stays.
  std::function<Result<void>()> on_reload;
  // Called when a scheduling pass failed: driver lost, disk full.
  std::function<void(const Error&)> on_trouble;

 private:
  struct Pending {
    http::Reply reply;
    std::string reason;
    std::chrono::steady_clock::time_point answer_by;
    bool to_the_end = false;  // no key: the client cannot come back, so it waits to the end
  };

  // Handler of a GET: returns a document, for a peer with the right to read.
  using Read = Result<std::string> (Api::*)(const http::Request&, const service::Peer&);
  void add_read(const std::string& path, std::vector<std::string> parameters, Read read);
  Result<std::string> leases(const http::Request& request, const service::Peer& peer);
  Result<std::string> queue(const http::Request& request, const service::Peer& peer);
  Result<std::string> free(const http::Request& request, const service::Peer& peer);
  Result<std::string> tenants(const http::Request& request, const service::Peer& peer);
  Result<std::string> lease_history(const http::Request& request, const service::Peer& peer);
  void inventory(const http::Request& request, const http::Reply& reply);
  void usage(const http::Request& request, const http::Reply& reply);
  void acquire(const http::Request& request, const http::Reply& reply);
  void release(const http::Request& request, const http::Reply& reply);
  void withdraw(const http::Request& request, const http::Reply& reply);
  void change(const http::Request& request, const http::Reply& reply);
  void reload(const http::Request& request, const http::Reply& reply);
  void begin(const http::Request& request, lease::LeaseRequest asked, const http::Reply& reply);
  // `latest`: the reading was begun after the request came.
  void begin_with_reading(const http::Request& request,
                          const lease::LeaseRequest& asked,
                          const http::Reply& reply,
                          bool latest = false);
  // Replies to those about whom there is news.
  void deliver();
  void deliver_all();
  void answer_releases();
  void answer_late();
  void grant_pending(std::int64_t ticket, const std::vector<lease::Lease>& leases);
  void refuse_pending(std::int64_t ticket, const Error& error);
  // Calls when a reading that was begun at `since` or later is there, at the latest after
  // kPatience; at once without a driver's thread.
  void when_read(std::chrono::nanoseconds since, std::function<void()> call);
  void when_read(std::function<void()> call);
  void run_awaiting();
  void ask_reading();
  void make(const lease::Creation& creation, const MadeFor& made_for);
  void reclaim(std::optional<std::int64_t> limit_ms);
  std::string trouble() const;

  // The queue as all see it: computed anew at each call while it is short.
  struct QueueView {
    std::vector<lease::QueueEntry> entries;
    std::map<std::int64_t, std::size_t> by_id;
    std::chrono::steady_clock::time_point until;
  };

  Result<const QueueView*> queue_view();
  void grant(const http::Reply& reply, const std::vector<lease::Lease>& leases);
  void tell_holders(const std::vector<lease::Lease>& leases);

  http::Response error(const Error& error) const { return http::refusal(error, error_writer_); }

  void reply_with(const http::Reply& reply, const Result<std::string>& document) const;
  service::LeaseDesk& desk_;
  wire::Source source_;
  http::ErrorWriter error_writer_;
  http::Router router_;
  std::multimap<std::int64_t, Pending> pending_;  // by ticket
  QueueView queue_view_;

  // Waits for a reading.
  struct Awaiting {
    std::function<void()> call;
    std::chrono::nanoseconds since;
    std::chrono::steady_clock::time_point until;
  };

  std::list<Awaiting> awaiting_;

  // Leases that were given back, and who waits to hear what is left of them.
  struct Released {
    http::Reply reply;
    lease::Lease lease;
    std::chrono::steady_clock::time_point until;
  };

  std::vector<Released> released_;
  service::DriverThread* driver_ = nullptr;
  Loop loop_;
  std::function<void()> after_work_;
  bool reading_ = false;        // the driver's thread reads, or will
  bool usage_running_ = false;  // it reads what a period cost
  bool reclaiming_ = false;     // it looks for idle instances, or will
  // Used on the driver's thread only.
  std::shared_ptr<std::unique_ptr<service::Reclaimer>> reclaimer_ =
      std::make_shared<std::unique_ptr<service::Reclaimer>>();
  bool soon_ = false;  // a pass will come
  bool soon_reap_ = false;
  std::chrono::steady_clock::time_point not_before_;  // of the next pass, after a long one
  // Cache by uid, gid and role of a token: names are looked up once a minute.
  std::map<std::tuple<std::uint32_t, std::uint32_t, std::string>, service::Peer> peers_;
  std::chrono::steady_clock::time_point peers_read_;
};

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_API_H_
