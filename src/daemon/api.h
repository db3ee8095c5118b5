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
#include <string>
#include <utility>
#include <vector>

#include "http/router.h"
#include "http/server.h"
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

  // Runs a scheduling pass over the store, then replies to requests that are done waiting. Call
  // periodically, and when something may have changed.
  void step(bool reap = true);
  // Call once, before serving: reports existing leases to on_holders.
  void start();

  // Drops waiting requests; their clients retry with their key. Call before the server is
  // destroyed: each request refers to a connection.
  void stop() { pending_.clear(); }

  // Called with processes that leases are bound to.
  std::function<void(const std::vector<lease::LeaseHolder>&)> on_holders;
  // Called when a scheduling pass failed: driver lost, disk full.
  std::function<void(const Error&)> on_trouble;

 private:
  struct Pending {
    std::int64_t ticket = 0;
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
  Result<std::string> tenants(const http::Request& request, const service::Peer& peer);
  Result<std::string> lease_history(const http::Request& request, const service::Peer& peer);
  Result<std::string> inventory(const http::Request& request, const service::Peer& peer);
  void acquire(const http::Request& request, const http::Reply& reply);
  void release(const http::Request& request, const http::Reply& reply);
  void change(const http::Request& request, const http::Reply& reply);
  void answer_waiting();
  // True: replied.
  bool answer(Pending& pending, const lease::Leases::Standing& standing);
  void grant(const http::Reply& reply, const std::vector<lease::Lease>& leases);
  void tell_holders(const std::vector<lease::Lease>& leases);

  http::Response error(const Error& error) const { return http::refusal(error, error_writer_); }

  void reply_with(const http::Reply& reply, const Result<std::string>& document) const;
  const service::Peer& peer_of(const http::Request& request);
  Result<void> may_look(const service::Peer& peer) const;

  service::LeaseDesk& desk_;
  wire::Source source_;
  http::ErrorWriter error_writer_;
  http::Router router_;
  std::list<Pending> pending_;
  // Cache by uid and gid: names are looked up once a minute.
  std::map<std::pair<std::uint32_t, std::uint32_t>, service::Peer> peers_;
  std::chrono::steady_clock::time_point peers_read_;
};

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_API_H_
