// SPDX-License-Identifier: Apache-2.0
// Inside of daemon/: version 1 of the API, paths to use cases. docs/reference/leases.md has the
// table.
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

#include "http/server.h"
#include "service/lease_desk.h"
#include "wire/leases.h"

namespace mig::daemon {

class Api {
 public:
  Api(service::LeaseDesk& desk, wire::Source source) : desk_(desk), source_(std::move(source)) {}

  void handle(const http::Request& request, const http::Reply& reply);
  // A turn over the store, then answers to those whose wait is over. Call it every now and then,
  // and when something may have changed.
  void step(bool reap = true);
  // Call it once, before anybody is served: tells on_holders of the leases that are there.
  void start();

  // Lets go of those who wait, who come back with their key. Call it before the server goes: each
  // of them has a connection of its.
  void stop() { pending_.clear(); }

  // Called with processes that leases are bound to.
  std::function<void(const std::vector<lease::Holder>&)> on_holders;
  // Called when a turn failed: driver lost, disk full.
  std::function<void(const Error&)> on_trouble;

 private:
  struct Pending {
    std::int64_t ticket = 0;
    http::Reply reply;
    std::string reason;
    std::chrono::steady_clock::time_point answer_by;
    bool to_the_end = false;  // without a key: the client cannot come back for the rest
  };

  void acquire(const http::Request& request, const http::Reply& reply);
  void release(const http::Request& request, const http::Reply& reply, std::int64_t lease);
  void change(const http::Request& request, const http::Reply& reply, std::int64_t lease);
  void answer_waiting();
  // True: answered.
  bool answer(Pending& pending, const lease::Leases::Standing& standing);
  void grant(const http::Reply& reply, const std::vector<lease::Lease>& leases);
  void tell_holders(const std::vector<lease::Lease>& leases);
  static http::Response error(const Error& error, const wire::Source& source);
  void reply_with(const http::Reply& reply, const Result<std::string>& document) const;
  const service::Peer& peer_of(const http::Request& request);
  Result<std::string> get(const std::string& path, const service::Peer& peer);

  service::LeaseDesk& desk_;
  wire::Source source_;
  std::list<Pending> pending_;
  // By uid and gid: names are looked up once a minute.
  std::map<std::pair<std::uint32_t, std::uint32_t>, service::Peer> peers_;
  std::chrono::steady_clock::time_point peers_read_;
};

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_API_H_
