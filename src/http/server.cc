// SPDX-License-Identifier: Apache-2.0
#include "http/server.h"

#include <sys/socket.h>

#include <csignal>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>

namespace mig::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using Unix = asio::local::stream_protocol;
using BoostError = beast::error_code;

// Period of the check for slow clients.
constexpr std::chrono::milliseconds kLookForSlowClients{100};

std::optional<PeerCredentials> credentials_of(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return std::nullopt;
  }
  return PeerCredentials{peer.uid, peer.gid, static_cast<std::uint32_t>(peer.pid)};
}

class Connection;

// State shared by the server and its connections; outlives them all.
struct Shared {
  Limits limits;
  Handler handler;
  ErrorWriter error_writer;
  base::Clock* clock = nullptr;
  std::set<Connection*> connections;
  std::map<std::uint32_t, std::size_t> connections_of_user;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Unix::socket socket, const PeerCredentials& peer, std::shared_ptr<Shared> shared)
      : socket_(std::move(socket)), peer_(peer), shared_(std::move(shared)) {
    shared_->connections.insert(this);
    ++shared_->connections_of_user[peer_.uid];
  }

  ~Connection() {
    shared_->connections.erase(this);
    if (--shared_->connections_of_user[peer_.uid] == 0) {
      shared_->connections_of_user.erase(peer_.uid);
    }
  }

  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  Connection(Connection&&) = delete;
  Connection& operator=(Connection&&) = delete;

  void receive() {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(shared_->limits.header_bytes));
    parser_->body_limit(shared_->limits.body_bytes);
    expire_after(shared_->limits.receive);
    beast::http::async_read(
        socket_, buffer_, *parser_, [self = shared_from_this()](BoostError error, std::size_t) {
          self->received(error);
        });
  }

  void refuse(const Error& error) {
    keep_alive_ = false;
    send(refusal(error, shared_->error_writer));
  }

  // Closes the connection of a client beyond its deadline.
  void close_if_expired(std::chrono::nanoseconds now) {
    if (deadline_ && now >= *deadline_) {
      BoostError ignored;
      socket_.close(ignored);
    }
  }

 private:
  void expire_after(std::chrono::milliseconds limit) {
    deadline_ = shared_->clock->monotonic() + limit;
  }

  static Error too_large(const char* part, std::size_t limit) {
    return {ErrorCode::kTooLarge,
            fmt::format("the {} of the request is longer than {} bytes", part, limit),
            "send less in one request",
            {},
            {}};
  }

  void received(BoostError error) {
    if (error == beast::http::error::body_limit) {
      return refuse(too_large("body", shared_->limits.body_bytes));
    }
    if (error == beast::http::error::header_limit) {
      return refuse(too_large("header", shared_->limits.header_bytes));
    }
    if (error == beast::http::error::end_of_stream || error == asio::error::connection_reset ||
        error == asio::error::operation_aborted) {
      return;
    }
    if (error) {
      return refuse({ErrorCode::kUsage,
                     "what came is no HTTP/1.1 request: " + error.message(),
                     "docs/reference/leases.md has the requests that migd answers",
                     {},
                     {}});
    }
    keep_alive_ = parser_->keep_alive();
    version_ = parser_->get().version();
    deadline_.reset();  // no limit while the handler works
    Request request;
    request.peer = peer_;
    request.method = std::string(parser_->get().method_string());
    const std::string target(parser_->get().target());
    const std::size_t mark = target.find('?');
    request.path = target.substr(0, mark);
    request.query = mark == std::string::npos ? "" : target.substr(mark + 1);
    request.body = std::move(parser_->get().body());
    shared_->handler(std::move(request), [self = shared_from_this()](Response response) {
      self->send(std::move(response));
    });
  }

  void send(Response response) {
    response_.emplace(static_cast<beast::http::status>(response.status), version_);
    response_->set(beast::http::field::server, "migd");
    response_->set(beast::http::field::content_type, response.content_type);
    response_->set(beast::http::field::cache_control, "no-store");
    for (const auto& [name, value] : response.headers) {
      response_->set(name, value);
    }
    response_->keep_alive(keep_alive_);
    response_->body() = std::move(response.body);
    response_->prepare_payload();
    expire_after(shared_->limits.send);
    beast::http::async_write(
        socket_, *response_, [self = shared_from_this()](BoostError error, std::size_t) {
          if (!error && self->keep_alive_) {
            self->receive();
          } else {
            self->close();
          }
        });
  }

  void close() {
    BoostError ignored;
    socket_.shutdown(Unix::socket::shutdown_send, ignored);
  }

  Unix::socket socket_;
  PeerCredentials peer_;
  std::shared_ptr<Shared> shared_;
  std::optional<std::chrono::nanoseconds> deadline_;  // none while the handler works
  beast::flat_buffer buffer_;
  std::optional<beast::http::request_parser<beast::http::string_body>> parser_;
  std::optional<beast::http::response<beast::http::string_body>> response_;
  bool keep_alive_ = false;
  unsigned version_ = 11;
};

class BeastServer final : public Server {
 public:
  explicit BeastServer(Shared shared)
      : shared_(std::make_shared<Shared>(std::move(shared))),
        acceptor_(io_),
        pause_(io_),
        signals_(io_, SIGINT, SIGTERM) {}

  Result<void> take(base::Fd listener) {
    BoostError error;
    acceptor_.assign(Unix(), listener.get(), error);
    if (error) {
      return fail(ErrorCode::kIo, "cannot serve on the given socket: " + error.message());
    }
    static_cast<void>(listener.release());
    return {};
  }

  void run() override {
    signals_.async_wait([this](BoostError error, int) {
      if (!error) {
        io_.stop();
      }
    });
    accept();
    every(kLookForSlowClients, [this] { close_expired(); });
    for (bool thrown = true; thrown;) {
      thrown = false;
      try {
        io_.run();
      } catch (const std::exception&) {
        thrown = true;  // out of memory for one request: other connections go on
      }
    }
  }

  void stop() override { io_.stop(); }

  void every(std::chrono::milliseconds period, std::function<void()> call) override {
    auto timer = std::make_shared<asio::steady_timer>(io_, period);
    tick(timer, period, std::move(call));
  }

  void when_readable(base::Fd fd, std::function<void()> call) override {
    auto descriptor = std::make_shared<asio::posix::stream_descriptor>(io_, fd.release());
    descriptor->async_wait(asio::posix::stream_descriptor::wait_read,
                           [descriptor, call = std::move(call)](BoostError error) {
                             if (!error) {
                               call();
                             }
                           });
  }

 private:
  void tick(const std::shared_ptr<asio::steady_timer>& timer,
            std::chrono::milliseconds period,
            std::function<void()> call) {
    timer->expires_after(period);
    timer->async_wait([this, timer, period, call = std::move(call)](BoostError error) mutable {
      if (error) {
        return;
      }
      call();
      tick(timer, period, std::move(call));
    });
  }

  void accept() {
    acceptor_.async_accept([this](BoostError error, Unix::socket socket) {
      if (!error) {
        greet(std::move(socket));
      }
      if (!acceptor_.is_open()) {
        return;
      }
      if (!error) {
        return accept();
      }
      // Out of descriptors (EMFILE): pending connections stay in the listen backlog.
      pause_.expires_after(std::chrono::milliseconds(50));
      pause_.async_wait([this](BoostError cancelled) {
        if (!cancelled) {
          accept();
        }
      });
    });
  }

  void greet(Unix::socket socket) {
    const auto peer = credentials_of(socket.native_handle());
    if (!peer) {
      return;
    }
    const Limits& limits = shared_->limits;
    const bool full =
        shared_->connections.size() >= limits.connections ||
        (peer->uid != 0 && shared_->connections_of_user[peer->uid] >= limits.connections_of_user);
    auto connection = std::make_shared<Connection>(std::move(socket), *peer, shared_);
    if (full) {
      connection->refuse({ErrorCode::kNoCapacity,
                          "too many connections to migd",
                          "close some, or try again later",
                          {},
                          {}});
    } else {
      connection->receive();
    }
  }

  void close_expired() {
    const auto now = shared_->clock->monotonic();
    for (Connection* connection : shared_->connections) {
      connection->close_if_expired(now);
    }
  }

  asio::io_context io_{1};
  std::shared_ptr<Shared> shared_;
  Unix::acceptor acceptor_;
  asio::steady_timer pause_;
  asio::signal_set signals_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::open(base::Fd listener,
                                             const Limits& limits,
                                             Handler handler,
                                             ErrorWriter error_writer,
                                             base::Clock& clock) {
  try {
    auto server = std::make_unique<BeastServer>(
        Shared{limits, std::move(handler), std::move(error_writer), &clock, {}, {}});
    MIG_TRY(server->take(std::move(listener)));
    return std::unique_ptr<Server>(std::move(server));
  } catch (const std::exception& error) {
    return fail(ErrorCode::kIo, std::string("cannot start the server: ") + error.what());
  }
}

}  // namespace mig::http
