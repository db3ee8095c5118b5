// SPDX-License-Identifier: Apache-2.0
#include "http/server.h"

#include <sys/socket.h>

#include <csignal>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

namespace mig::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using Unix = asio::local::stream_protocol;
using Stream = beast::basic_stream<Unix>;
using BoostError = beast::error_code;

std::optional<PeerCredentials> credentials_of(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return std::nullopt;
  }
  return PeerCredentials{peer.uid, peer.gid, static_cast<std::uint32_t>(peer.pid)};
}

// How many connections each user has; shared by the server and its connections.
struct Crowd {
  std::size_t all = 0;
  std::map<std::uint32_t, std::size_t> of_user;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Unix::socket socket,
             const PeerCredentials& peer,
             const Limits& limits,
             const Handler& handler,
             std::shared_ptr<Crowd> crowd)
      : stream_(std::move(socket)),
        peer_(peer),
        limits_(limits),
        handler_(handler),
        crowd_(std::move(crowd)) {
    ++crowd_->all;
    ++crowd_->of_user[peer_.uid];
  }

  ~Connection() {
    --crowd_->all;
    if (--crowd_->of_user[peer_.uid] == 0) {
      crowd_->of_user.erase(peer_.uid);
    }
  }

  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  Connection(Connection&&) = delete;
  Connection& operator=(Connection&&) = delete;

  void receive() {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(limits_.header_bytes));
    parser_->body_limit(limits_.body_bytes);
    stream_.expires_after(limits_.receive);
    beast::http::async_read(
        stream_, buffer_, *parser_, [self = shared_from_this()](BoostError error, std::size_t) {
          self->received(error);
        });
  }

  void refuse(int status, std::string text) {
    keep_alive_ = false;
    send({status, std::move(text), "application/json"});
  }

 private:
  static std::string problem(std::string_view code, std::string_view text) {
    return "{\"apiVersion\":\"migctl/v1\",\"kind\":\"Error\",\"simulated\":null,\"code\":\"" +
           std::string(code) + "\",\"message\":\"" + std::string(text) +
           "\",\"hint\":\"\",\"context\":[],\"nvml\":null}\n";
  }

  void received(BoostError error) {
    if (error == beast::http::error::body_limit) {
      return refuse(413, problem("too_large", "the body is beyond the limit"));
    }
    if (error == beast::http::error::header_limit) {
      return refuse(431, problem("too_large", "the header is beyond the limit"));
    }
    if (error == beast::http::error::end_of_stream || error == beast::error::timeout ||
        error == asio::error::connection_reset || error == asio::error::operation_aborted) {
      return;
    }
    if (error) {
      return refuse(400, problem("usage", "this is not HTTP/1.1"));
    }
    keep_alive_ = parser_->keep_alive();
    version_ = parser_->get().version();
    stream_.expires_never();
    Request request;
    request.peer = peer_;
    request.method = std::string(parser_->get().method_string());
    const std::string target(parser_->get().target());
    request.path = target.substr(0, target.find('?'));
    request.body = std::move(parser_->get().body());
    handler_(std::move(request),
             [self = shared_from_this()](Response response) { self->send(std::move(response)); });
  }

  void send(Response response) {
    response_.emplace(static_cast<beast::http::status>(response.status), version_);
    response_->set(beast::http::field::server, "migd");
    response_->set(beast::http::field::content_type, response.content_type);
    response_->set(beast::http::field::cache_control, "no-store");
    response_->keep_alive(keep_alive_);
    response_->body() = std::move(response.body);
    response_->prepare_payload();
    stream_.expires_after(limits_.send);
    beast::http::async_write(
        stream_, *response_, [self = shared_from_this()](BoostError error, std::size_t) {
          if (!error && self->keep_alive_) {
            self->receive();
          } else {
            self->close();
          }
        });
  }

  void close() {
    BoostError ignored;
    stream_.socket().shutdown(Unix::socket::shutdown_send, ignored);
  }

  Stream stream_;
  PeerCredentials peer_;
  const Limits& limits_;
  const Handler& handler_;
  std::shared_ptr<Crowd> crowd_;
  beast::flat_buffer buffer_;
  std::optional<beast::http::request_parser<beast::http::string_body>> parser_;
  std::optional<beast::http::response<beast::http::string_body>> response_;
  bool keep_alive_ = false;
  unsigned version_ = 11;
};

class BeastServer final : public Server {
 public:
  BeastServer(const Limits& limits, Handler handler)
      : limits_(limits),
        handler_(std::move(handler)),
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
    for (bool thrown = true; thrown;) {
      thrown = false;
      try {
        io_.run();
      } catch (const std::exception&) {
        thrown = true;  // out of memory for one request: the others go on
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
      // Out of descriptors: those who wait stay in the kernel's line.
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
    const bool full = crowd_->all >= limits_.connections ||
                      (peer->uid != 0 && crowd_->of_user[peer->uid] >= limits_.connections_of_user);
    auto connection =
        std::make_shared<Connection>(std::move(socket), *peer, limits_, handler_, crowd_);
    if (full) {
      connection->refuse(503,
                         "{\"apiVersion\":\"migctl/v1\",\"kind\":\"Error\",\"simulated\":null,"
                         "\"code\":\"no_capacity\",\"message\":\"too many connections to migd\","
                         "\"hint\":\"close some, or try again later\",\"context\":[],"
                         "\"nvml\":null}\n");
    } else {
      connection->receive();
    }
  }

  asio::io_context io_{1};
  Limits limits_;
  Handler handler_;
  std::shared_ptr<Crowd> crowd_ = std::make_shared<Crowd>();
  Unix::acceptor acceptor_;
  asio::steady_timer pause_;
  asio::signal_set signals_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::open(base::Fd listener,
                                             const Limits& limits,
                                             Handler handler) {
  try {
    auto server = std::make_unique<BeastServer>(limits, std::move(handler));
    MIG_TRY(server->take(std::move(listener)));
    return std::unique_ptr<Server>(std::move(server));
  } catch (const std::exception& error) {
    return fail(ErrorCode::kIo, std::string("cannot start the server: ") + error.what());
  }
}

}  // namespace mig::http
