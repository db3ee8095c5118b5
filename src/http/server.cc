// SPDX-License-Identifier: Apache-2.0
#include "http/server.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "http/connection.h"

namespace mig::http {
namespace {

namespace asio = boost::asio;
using Unix = asio::local::stream_protocol;
using Tcp = asio::ip::tcp;
using BoostError = boost::system::error_code;

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

// The address that a client of TCP is counted for.
Client client_at(const asio::ip::address& address) {
  Client client;
  client.tcp = true;
  if (address.is_v4()) {
    client.network = asio::ip::make_address_v6(asio::ip::v4_mapped, address.to_v4()).to_bytes();
    return client;
  }
  constexpr std::size_t kNetworkBytes = 8;
  const auto bytes = address.to_v6().to_bytes();
  std::copy_n(bytes.begin(), kNetworkBytes, client.network.begin());
  return client;
}

std::optional<Peer> peer_of(const Unix::socket& socket) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): native_handle() is not const
  const auto credentials = credentials_of(const_cast<Unix::socket&>(socket).native_handle());
  if (!credentials) {
    return std::nullopt;
  }
  Client client;
  client.uid = credentials->uid;
  return Peer{client, *credentials, std::nullopt};
}

std::optional<Peer> peer_of(const Tcp::socket& socket) {
  BoostError error;
  asio::ip::address address = socket.remote_endpoint(error).address();
  if (error) {
    return std::nullopt;  // gone already
  }
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  return Peer{client_at(address),
              PeerCredentials::nobody(),
              Remote{address.to_string(), address.is_loopback()}};
}

// Accepts from one listening socket.
template <class Protocol>
class Listening final : public std::enable_shared_from_this<Listening<Protocol>> {
 public:
  using Greet = std::function<void(Socket, const Peer&)>;

  Listening(asio::io_context& io, Greet greet)
      : acceptor_(io), pause_(io), greet_(std::move(greet)) {}

  Result<void> take(base::Fd listener, const Protocol& protocol) {
    BoostError error;
    acceptor_.assign(protocol, listener.get(), error);
    if (error) {
      return fail(ErrorCode::kIo, "cannot serve on the given socket: " + error.message());
    }
    static_cast<void>(listener.release());
    return {};
  }

  void accept() {
    acceptor_.async_accept(
        [self = this->shared_from_this()](BoostError error, typename Protocol::socket socket) {
          if (!error) {
            if (const auto peer = peer_of(socket)) {
              self->greet_(Socket(std::move(socket)), *peer);
            }
          }
          if (!self->acceptor_.is_open()) {
            return;
          }
          if (!error) {
            return self->accept();
          }
          // Out of descriptors (EMFILE): pending connections stay in the listen backlog.
          self->pause_.expires_after(std::chrono::milliseconds(50));
          self->pause_.async_wait([self](BoostError cancelled) {
            if (!cancelled) {
              self->accept();
            }
          });
        });
  }

 private:
  typename Protocol::acceptor acceptor_;
  asio::steady_timer pause_;
  Greet greet_;
};

class BeastServer final : public Server {
 public:
  explicit BeastServer(Shared shared)
      : shared_(std::make_shared<Shared>(std::move(shared))),
        signals_(io_, SIGINT, SIGTERM),
        hangups_(io_) {}

  ~BeastServer() override { shared_->ready = {}; }  // its jobs hold connections, which hold it

  BeastServer(const BeastServer&) = delete;
  BeastServer& operator=(const BeastServer&) = delete;
  BeastServer(BeastServer&&) = delete;
  BeastServer& operator=(BeastServer&&) = delete;

  Result<void> serve_unix(base::Fd listener) { return take(std::move(listener), Unix(), nullptr); }

  Result<void> serve_tcp(base::Fd listener, std::shared_ptr<const Tls> tls) override {
    int family = 0;
    socklen_t size = sizeof family;
    if (::getsockopt(listener.get(), SOL_SOCKET, SO_DOMAIN, &family, &size) != 0) {
      return base::errno_error("ask for the family of", "a listening socket", errno);
    }
    return take(std::move(listener), family == AF_INET ? Tcp::v4() : Tcp::v6(), std::move(tls));
  }

  void on_hangup(std::function<void()> call) override {
    BoostError ignored;
    hangups_.add(SIGHUP, ignored);
    wait_for_hangup(std::move(call));
  }

  void run() override {
    shared_->serve_ready = [this] {
      if (!std::exchange(serving_, true)) {
        asio::post(io_, [this] { serve_one(); });
      }
    };
    signals_.async_wait([this](BoostError error, int) {
      if (!error) {
        io_.stop();
      }
    });
    for (const auto& accept : accepts_) {
      accept();
    }
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

  void after(std::chrono::milliseconds time, std::function<void()> call) override {
    auto timer = std::make_shared<asio::steady_timer>(io_, time);
    timer->async_wait([timer, call = std::move(call)](BoostError error) {
      if (!error) {
        call();
      }
    });
  }

  void post(std::function<void()> call) override { asio::post(io_, std::move(call)); }

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
  void wait_for_hangup(std::function<void()> call) {
    hangups_.async_wait([this, call = std::move(call)](BoostError error, int) mutable {
      if (error) {
        return;
      }
      call();
      wait_for_hangup(std::move(call));
    });
  }

  // One request, then whatever else is ready: requests of others that arrive have their turn.
  void serve_one() {
    serving_ = false;
    if (shared_->ready.empty()) {
      return;
    }
    const std::function<void()> job = shared_->ready.take();
    if (!shared_->ready.empty()) {
      shared_->serve_ready();
    }
    job();
  }

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

  template <class Protocol>
  Result<void> take(base::Fd listener, const Protocol& protocol, std::shared_ptr<const Tls> tls) {
    auto listening = std::make_shared<Listening<Protocol>>(
        io_, [this, tls = std::move(tls)](Socket socket, const Peer& peer) {
          greet(std::move(socket), peer, tls.get());
        });
    MIG_TRY(listening->take(std::move(listener), protocol));
    accepts_.push_back([listening] { listening->accept(); });
    return {};
  }

  // True for a client who has, or who together have, all the connections that they may.
  bool full(const Client& client) const {
    const Limits& limits = shared_->limits;
    const std::size_t all = shared_->connections.size();
    const auto same = shared_->connections_of.find(client);
    const std::size_t own = same == shared_->connections_of.end() ? 0 : same->second;
    if (client.root()) {
      return all >= limits.connections;
    }
    const std::size_t most =
        client.tcp ? limits.connections_of_address : limits.connections_of_user;
    return all + limits.kept_for_root >= limits.connections || own >= most ||
           (all >= limits.crowded && own >= limits.few_of_user) ||
           (client.tcp && shared_->tcp_connections >= limits.tcp_connections);
  }

  void greet(Socket socket, const Peer& peer, const Tls* tls) {
    const bool refused = full(peer.client);
    if (refused && tls != nullptr) {
      return;  // a handshake only to refuse would be the dearest part
    }
    const auto connection = make_connection(std::move(socket), tls, peer, shared_);
    if (refused) {
      connection->refuse({ErrorCode::kNoCapacity,
                          "too many connections to migd",
                          "close some, or try again later",
                          {},
                          {}});
    } else {
      connection->serve();
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
  std::vector<std::function<void()>> accepts_;  // one of each listening socket
  asio::signal_set signals_;
  asio::signal_set hangups_;
  bool serving_ = false;  // serve_one() will be called
};

}  // namespace

Result<std::unique_ptr<Server>> Server::open(base::Fd listener,
                                             const Limits& limits,
                                             Handler handler,
                                             ErrorWriter error_writer,
                                             base::Clock& clock) {
  try {
    auto server = std::make_unique<BeastServer>(
        Shared{limits, std::move(handler), std::move(error_writer), &clock});
    MIG_TRY(server->serve_unix(std::move(listener)));
    return std::unique_ptr<Server>(std::move(server));
  } catch (const std::exception& error) {
    return fail(ErrorCode::kIo, std::string("cannot start the server: ") + error.what());
  }
}

}  // namespace mig::http
