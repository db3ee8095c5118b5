// SPDX-License-Identifier: Apache-2.0
// Inside of daemon/: whether a request over TCP may come at all, and in whose name. Requests over
// the UNIX socket pass: the kernel says whose they are.
//
//  - The Host must be an address or one of this machine's names, so that no web page whose name was
//    made to point here (DNS rebinding) can ask; requests that a browser makes for another site are
//    refused.
//  - From this machine itself anybody may GET the paths of is_anonymous(): no secrets, and what
//    monitoring asks for (docs/adr/0015-tcp.md). A request that a proxy passed on is not from this
//    machine, and one that shows a token comes by its token.
//  - All else needs a token (tokens.h), and acts as its user then. What depends on the process that
//    asks is not to be had over TCP at all.
//
// Threading: as the token book.
#ifndef MIGCTL_DAEMON_ACCESS_H_
#define MIGCTL_DAEMON_ACCESS_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/tokens.h"
#include "http/server.h"

namespace mig::daemon {

// True for paths that are served over the UNIX socket only.
bool is_local_only(const std::string& path);

// True for paths that anybody on this machine may GET over TCP.
bool is_anonymous(const std::string& method, const std::string& path);

class Access {
 public:
  // `names`: host names under which clients reach this daemon, beside localhost and the addresses.
  Access(std::vector<std::string> names, TokenBook& tokens, http::ErrorWriter writer)
      : names_(std::move(names)), tokens_(tokens), writer_(std::move(writer)) {}

  void set_names(std::vector<std::string> names) { names_ = std::move(names); }

  // nullopt: it may come, and with a token `request` is its user's.
  std::optional<http::Response> refused(http::Request& request) const;

 private:
  http::Response forbidden(const Error& error) const;
  http::Response unauthorized(const std::string& message, const std::string& hint) const;
  std::optional<http::Response> by_token(http::Request& request) const;
  bool knows_host(const std::string& host) const;

  std::vector<std::string> names_;
  TokenBook& tokens_;
  http::ErrorWriter writer_;
};

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_ACCESS_H_
