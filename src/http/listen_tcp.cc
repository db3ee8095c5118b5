// SPDX-License-Identifier: Apache-2.0
// Listening TCP sockets, by numeric address, or passed by systemd.
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "base/strings.h"
#include "http/server.h"
#include "http/tcp_socket.h"

namespace mig::http {
namespace {

constexpr int kTcpBacklog = 256;

struct HostPort {
  std::string host, port;
};

// Splits "HOST:PORT" and "[IPV6]:PORT".
std::optional<HostPort> split(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || !base::parse_decimal(text.substr(colon + 1), UINT16_MAX)) {
    return std::nullopt;
  }
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    return HostPort{host.substr(1, host.size() - 2), text.substr(colon + 1)};
  }
  if (host.empty() || host.find(':') != std::string::npos) {
    return std::nullopt;
  }
  return HostPort{host, text.substr(colon + 1)};
}

bool is_loopback(const sockaddr* address) {
  // NOLINTBEGIN(cppcoreguidelines-pro-type-reinterpret-cast): how addresses are kept
  if (address->sa_family == AF_INET) {
    constexpr unsigned kLoopbackNet = 127;
    constexpr unsigned kFirstByte = 24;
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    return ntohl(v4->sin_addr.s_addr) >> kFirstByte == kLoopbackNet;
  }
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
  // NOLINTEND(cppcoreguidelines-pro-type-reinterpret-cast)
  return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) != 0;
}

Result<TcpListener> listen_on(const addrinfo& where, const std::string& text) {
  base::Fd fd(
      ::socket(where.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, where.ai_protocol));
  if (!fd.valid()) {
    return base::errno_error("make a socket for", text, errno);
  }
  const int on = 1;
  // A restarted daemon gets its port although connections of the old one are not over (TIME_WAIT).
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  if (where.ai_family == AF_INET6) {
    ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  if (::bind(fd.get(), where.ai_addr, where.ai_addrlen) != 0 ||
      ::listen(fd.get(), kTcpBacklog) != 0) {
    if (errno == EADDRINUSE) {
      return fail(ErrorCode::kConflict,
                  fmt::format("another program listens on {} already", text),
                  "`ss -ltnp` shows which; choose another port");
    }
    return base::errno_error("listen on", text, errno);
  }
  return described(std::move(fd));
}

}  // namespace

TcpListener described(base::Fd fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): how getsockname(2) gives addresses
  auto* where = reinterpret_cast<sockaddr*>(&address);
  if (::getsockname(fd.get(), where, &size) != 0 ||
      ::getnameinfo(where,
                    size,
                    host.data(),
                    host.size(),
                    port.data(),
                    port.size(),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return TcpListener{std::move(fd), "?", false, {}};
  }
  std::string text = address.ss_family == AF_INET6
                         ? fmt::format("[{}]:{}", host.data(), port.data())
                         : fmt::format("{}:{}", host.data(), port.data());
  return TcpListener{std::move(fd), std::move(text), is_loopback(where), {}};
}

Result<std::vector<TcpListener>> listen_tcp(const std::string& address) {
  const auto parts = split(address);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  if (parts && parts->host != "localhost") {
    hints.ai_flags |= AI_NUMERICHOST;  // no name service decides where we listen
  }
  addrinfo* found = nullptr;
  if (!parts || ::getaddrinfo(parts->host.c_str(), parts->port.c_str(), &hints, &found) != 0) {
    return fail(ErrorCode::kInvalidInput,
                fmt::format("{} is no address to listen on", base::quoted(address)),
                "127.0.0.1:9400, [::1]:9400, localhost:9400 and 0.0.0.0:9400 are some");
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, ::freeaddrinfo);
  std::vector<TcpListener> listeners;
  std::optional<Error> first;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    auto listener = listen_on(*one, address);
    if (listener) {
      listeners.push_back(*std::move(listener));
    } else if (!first) {
      first = std::move(listener).error();
    }
  }
  // "localhost" has two addresses, of which a machine may have one.
  if (listeners.empty() || (first && first->code == ErrorCode::kConflict)) {
    return *std::move(first);
  }
  return listeners;
}

}  // namespace mig::http
