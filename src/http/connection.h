// SPDX-License-Identifier: Apache-2.0
// Inside of http/: one client's connection, over any stream socket, and what all connections of a
// server share. Threading: as the server.
#ifndef MIGCTL_HTTP_CONNECTION_H_
#define MIGCTL_HTTP_CONNECTION_H_

#include <array>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include <boost/asio/generic/stream_protocol.hpp>

#include "http/server.h"

namespace mig::http {

using Socket = boost::asio::generic::stream_protocol::socket;

// Whom connections and requests are counted for: a user, or over TCP a network address.
struct Client {
  bool tcp = false;
  std::uint32_t uid = 0;                   // UNIX socket
  std::array<std::uint8_t, 16> network{};  // TCP: IPv4 mapped; IPv6: its upper 64 bits

  bool root() const { return !tcp && uid == 0; }

  auto operator<=>(const Client&) const = default;
};

// Requests that were received whole and wait for the handler. Each client has a line of its own.
class Ready {
 public:
  void add(const Client& client, std::function<void()> job);
  std::function<void()> take();

  bool empty() const { return turns_.empty(); }

 private:
  std::map<Client, std::deque<std::function<void()>>> lines_;
  std::deque<Client> turns_;
};

class Connection;

// State shared by the server and its connections; outlives them all.
struct Shared {
  Limits limits;
  Handler handler;
  ErrorWriter error_writer;
  base::Clock* clock = nullptr;
  std::set<Connection*> connections = {};
  std::map<Client, std::size_t> connections_of = {};
  std::size_t tcp_connections = 0;
  // TLS handshakes that are not done, the oldest first.
  std::map<Client, std::deque<Connection*>> handshakes = {};
  Ready ready = {};
  std::function<void()> serve_ready = {};  // soon, after what came in meanwhile
};

// The one at the other end.
struct Peer {
  Client client;
  PeerCredentials credentials;
  std::optional<Remote> remote;
};

class Connection {
 public:
  virtual ~Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  Connection(Connection&&) = delete;
  Connection& operator=(Connection&&) = delete;

  // Serves its requests until the client goes; keeps itself alive meanwhile.
  virtual void serve() = 0;
  // Replies with the error, and closes.
  virtual void refuse(const Error& error) = 0;
  // Closes it without a word.
  virtual void drop() = 0;
  // Closes the connection of a client beyond its deadline.
  virtual void close_if_expired(std::chrono::nanoseconds now) = 0;

 protected:
  Connection() = default;
};

// `tls`: nullptr = none.
std::shared_ptr<Connection> make_connection(Socket socket,
                                            const Tls* tls,
                                            Peer peer,
                                            std::shared_ptr<Shared> shared);

}  // namespace mig::http

#endif  // MIGCTL_HTTP_CONNECTION_H_
