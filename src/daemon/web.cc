// SPDX-License-Identifier: Apache-2.0
#include "daemon/web.h"

#include <unistd.h>

#include <array>
#include <initializer_list>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"

namespace mig::daemon {
namespace {

constexpr const char* kReached =
    "is reached by other machines, and what goes over the network there can be read and changed on "
    "its way";

// Names under which this machine is reached: its own, and those that the administrator gives.
std::vector<std::string> names_of_host(const std::vector<std::string>& given) {
  std::vector<std::string> names;
  names.reserve(given.size() + 1);
  for (const std::string& name : given) {
    names.push_back(base::lower(name));
  }
  std::array<char, 256> own{};
  if (::gethostname(own.data(), own.size() - 1) == 0 && own.front() != '\0') {
    names.push_back(base::lower(own.data()));
  }
  return names;
}

struct Where {
  std::string address;
  bool https = false, http = false;  // said so
};

Where parse_where(const std::string& text) {
  constexpr std::string_view kHttp = "http://";
  constexpr std::string_view kHttps = "https://";
  if (text.starts_with(kHttps)) {
    return {text.substr(kHttps.size()), true, false};
  }
  if (text.starts_with(kHttp)) {
    return {text.substr(kHttp.size()), false, true};
  }
  return {text};
}

// `ssh -L 9400:/run/migctl/migd.sock` makes a browser a client of the UNIX socket, in the name of
// its user, whatever page asks: that must be this daemon's own. A host without a dot is none that a
// page of others could have.
bool may_be_browser(const http::Request& request) {
  const auto host = request.headers.find("host");
  return !request.remote &&
         (request.headers.contains("origin") || request.headers.contains("sec-fetch-site") ||
          (host != request.headers.end() && host->second.find('.') != std::string::npos));
}

// What everybody on this machine may ask over TCP, with these of the request's header fields: the
// check of it is that of the host, and of other sites where their fields are kept.
http::Request as_for_health(const http::Request& request,
                            std::initializer_list<const char*> fields) {
  http::Request asked;
  asked.method = "GET";
  asked.path = "/v1/health";
  asked.remote = http::Remote{"127.0.0.1", true};
  for (const char* name : fields) {
    if (const auto found = request.headers.find(name); found != request.headers.end()) {
      asked.headers.insert(*found);
    }
  }
  return asked;
}

}  // namespace

Web::Web(const WebOptions& options,
         http::ErrorWriter writer,
         std::function<void(const std::string&)> log)
    : options_(options),
      tokens_(options.tokens, base::system_clock()),
      access_(names_of_host(options.hosts), tokens_, writer),
      page_(std::move(writer)),
      log_(std::move(log)) {}

http::Handler Web::checked(http::Handler handler) {
  return [this, handler = std::move(handler)](http::Request request, const http::Reply& reply) {
    if (page_.has(request)) {
      http::Request shown = as_for_health(request, {"host"});
      auto refused = access_.refused(shown);
      return reply(refused ? *std::move(refused) : *page_.answer(request));
    }
    http::Request asked = as_for_health(request, {"host", "origin", "sec-fetch-site"});
    if (auto refused = access_.refused(may_be_browser(request) ? asked : request)) {
      return reply(*std::move(refused));
    }
    handler(std::move(request), reply);
  };
}

void Web::log(const std::string& line) const {
  if (log_) {
    log_("migd: " + line);
  }
}

Result<void> Web::listen(http::Server& server) {
  if (options_.tls_certificate.empty() != options_.tls_key.empty()) {
    return fail(ErrorCode::kUsage,
                "TLS needs both a certificate and its key",
                "--tls-cert FILE --tls-key FILE");
  }
  if (!options_.tls_certificate.empty()) {
    MIG_ASSIGN_OR_RETURN(tls_, http::Tls::open(options_.tls_certificate, options_.tls_key));
  }
  MIG_ASSIGN_OR_RETURN(auto passed, http::passed_tcp());
  for (http::TcpListener& listener : passed) {
    const std::string text = listener.address + ", passed by systemd,";
    MIG_TRY(serve(server, std::move(listener), text));
  }
  for (const std::string& text : options_.listen) {
    MIG_TRY(listen_at(server, text));
  }
  return {};
}

Result<void> Web::listen_at(http::Server& server, const std::string& text) const {
  const Where where = parse_where(text);
  MIG_ASSIGN_OR_RETURN(auto listeners, http::listen_tcp(where.address));
  for (http::TcpListener& listener : listeners) {
    listener.name = where.https ? "https" : where.http ? "http" : "";
    MIG_TRY(serve(server, std::move(listener), text));
  }
  return {};
}

// A listener's name "https" or "http" says whether there is TLS, else its address does.
Result<void> Web::serve(http::Server& server,
                        http::TcpListener listener,
                        const std::string& text) const {
  const bool https = listener.name == "https";
  const bool tls = https || (listener.name != "http" && !listener.loopback);
  if (tls && tls_ == nullptr) {
    return fail(ErrorCode::kPermission,
                fmt::format("{} {}", text, https ? "needs a certificate" : kReached),
                "give --tls-cert and --tls-key; or listen on 127.0.0.1 and use `ssh -L`");
  }
  if (!tls && !listener.loopback) {
    log(fmt::format("warning: {}: tokens go over the network unencrypted there", text));
  }
  MIG_TRY(server.serve_tcp(std::move(listener.fd), tls ? tls_ : nullptr));
  log(fmt::format("listening on {}://{}", tls ? "https" : "http", listener.address));
  return {};
}

void Web::reload(const Result<WebOptions>& next) {
  if (!next) {
    return log("configuration not read again, what it was stays: " + next.error().text());
  }
  access_.set_names(names_of_host(next->hosts));
  options_.hosts = next->hosts;
  if (next->listen != options_.listen || next->tls_certificate != options_.tls_certificate ||
      next->tls_key != options_.tls_key ||
      (!next->tokens.empty() && next->tokens != options_.tokens)) {
    log("configuration read again: listen, tls and tokens take effect with a restart");
  }
  if (tls_ == nullptr) {
    return;
  }
  const auto done = tls_->reload();
  log(done ? "certificate read again"
           : "certificate not read again, what it was stays: " + done.error().text());
}

}  // namespace mig::daemon
