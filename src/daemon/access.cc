// SPDX-License-Identifier: Apache-2.0
#include "daemon/access.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "base/strings.h"
#include "service/lease_desk.h"

namespace mig::daemon {
namespace {

constexpr int kUnauthorized = 401;
constexpr std::array<std::string_view, 2> kAnonymous{"/metrics", "/v1/health"};
constexpr std::array<std::string_view, 3> kLocalOnly{"/v1/machine", "/v1/smi", "/v1/rest"};

const std::string& header(const http::Request& request, const std::string& name) {
  static const std::string kNone;
  const auto found = request.headers.find(name);
  return found == request.headers.end() ? kNone : found->second;
}

// "name:9400" and "[::1]:9400" without the port; nullopt: no host and port.
std::optional<std::string> host_of(const std::string& text) {
  std::size_t end = 0;
  if (text.starts_with('[')) {
    const std::size_t bracket = text.find(']');
    if (bracket == std::string::npos) {
      return std::nullopt;
    }
    end = bracket + 1;
  } else {
    end = std::min(text.find(':'), text.size());
  }
  if (end < text.size() &&
      (text[end] != ':' || !base::parse_decimal(text.substr(end + 1), UINT16_MAX))) {
    return std::nullopt;
  }
  return base::lower(text.substr(0, end));
}

bool is_address(const std::string& host) {
  in6_addr address{};
  if (host.starts_with('[')) {
    return ::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &address) == 1;
  }
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1;
}

// A browser asks in the name of a page of another site. Other clients send neither header.
bool is_cross_site(const http::Request& request) {
  const std::string& fetch = header(request, "sec-fetch-site");
  if (fetch == "cross-site" || fetch == "same-site") {
    return true;
  }
  const std::string& origin = header(request, "origin");
  if (origin.empty()) {
    return false;
  }
  const std::size_t scheme = origin.find("://");
  return scheme == std::string::npos ||
         base::lower(origin.substr(scheme + 3)) != base::lower(header(request, "host"));
}

// From a program of this machine: not through a proxy, for whoever is behind it.
bool is_from_here(const http::Request& request) {
  return request.remote->loopback && header(request, "forwarded").empty() &&
         header(request, "x-forwarded-for").empty() && header(request, "via").empty();
}

}  // namespace

bool is_local_only(const std::string& path) {
  return std::find(kLocalOnly.begin(), kLocalOnly.end(), path) != kLocalOnly.end();
}

bool is_anonymous(const std::string& method, const std::string& path) {
  return method == "GET" &&
         std::find(kAnonymous.begin(), kAnonymous.end(), path) != kAnonymous.end();
}

http::Response Access::forbidden(const Error& error) const {
  return http::refusal(error, writer_);
}

http::Response Access::unauthorized(const std::string& message, const std::string& hint) const {
  http::Response response =
      http::refusal(Error{ErrorCode::kPermission, message, hint, {}, {}}, writer_);
  response.status = kUnauthorized;  // HTTP's own status; the exit code is the table's
  response.headers.emplace_back("WWW-Authenticate", R"(Bearer realm="migd")");
  return response;
}

std::optional<http::Response> Access::by_token(http::Request& request) const {
  const std::string& shown = header(request, "authorization");
  constexpr std::string_view kScheme = "bearer ";
  if (shown.empty()) {
    return unauthorized(fmt::format("{} {} over TCP needs a token",
                                    base::quoted(request.method, 10),
                                    base::quoted(request.path)),
                        "migctl token create makes one; the UNIX socket needs none");
  }
  if (base::lower(shown.substr(0, kScheme.size())) != kScheme) {
    return unauthorized("the Authorization is not of the kind Bearer",
                        "Authorization: Bearer migt_...");
  }
  const auto token = tokens_.find(std::string_view(shown).substr(kScheme.size()));
  if (!token) {
    return forbidden(token.error());
  }
  if (*token == nullptr) {
    return unauthorized("the token is none of this daemon's, was revoked, or is over",
                        "migctl token list shows those that there are");
  }
  const service::Peer user = service::peer_of_user((*token)->uid);
  request.peer = {user.identity.uid, user.identity.gids.front(), 0};
  request.token = (*token)->id;
  request.role = name_of((*token)->role);
  request.headers.erase("authorization");  // nobody behind this needs the secret
  return std::nullopt;
}

// An address is never another site's name.
bool Access::knows_host(const std::string& text) const {
  const auto host = host_of(text);
  return host && (*host == "localhost" || host->ends_with(".localhost") || is_address(*host) ||
                  std::find(names_.begin(), names_.end(), *host) != names_.end());
}

std::optional<http::Response> Access::refused(http::Request& request) const {
  if (!request.remote) {
    return std::nullopt;
  }
  const std::string& host = header(request, "host");
  if (!knows_host(host)) {
    return forbidden({ErrorCode::kPermission,
                      fmt::format("the request is for host {}, which is none of this machine's "
                                  "addresses and names",
                                  base::quoted(host)),
                      "use the address, or name it to the daemon: --host NAME",
                      {},
                      {}});
  }
  if (is_cross_site(request)) {
    return forbidden({ErrorCode::kPermission,
                      "a browser asks in the name of another site's page",
                      "open the daemon's own page, or ask by a program",
                      {},
                      {}});
  }
  // A token that is shown counts there too, and a wrong one is refused: who shows it takes the
  // answer for that of its role.
  if (is_anonymous(request.method, request.path) && is_from_here(request) &&
      header(request, "authorization").empty()) {
    return std::nullopt;
  }
  if (auto refused = by_token(request)) {
    return refused;
  }
  if (is_local_only(request.path)) {
    return forbidden(
        {ErrorCode::kPermission,
         fmt::format("{} is answered over the UNIX socket only", base::quoted(request.path)),
         "the answer depends on the process that asks",
         {},
         {}});
  }
  return std::nullopt;
}

}  // namespace mig::daemon
