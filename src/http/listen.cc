// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/own_path.h"
#include "base/strings.h"
#include "http/client.h"
#include "http/server.h"
#include "http/tcp_socket.h"
#include "http/unix_socket.h"

namespace mig::http {
namespace {

constexpr int kFirstInherited = 3;
constexpr int kBacklog = 512;

// How many sockets systemd passed (socket activation).
int passed() {
  constexpr std::uint64_t kMost = 64;
  const char* pid = std::getenv("LISTEN_PID");  // NOLINT(concurrency-mt-unsafe): at start
  const char* fds = std::getenv("LISTEN_FDS");  // NOLINT(concurrency-mt-unsafe): at start
  if (pid == nullptr || fds == nullptr || std::to_string(::getpid()) != pid) {
    return 0;
  }
  return static_cast<int>(base::parse_decimal(fds, kMost).value_or(0));
}

// Their names, in order: FileDescriptorName= of the socket units.
std::vector<std::string> passed_names() {
  const char* names = std::getenv("LISTEN_FDNAMES");  // NOLINT(concurrency-mt-unsafe): at start
  return names == nullptr ? std::vector<std::string>() : base::split(names, ':');
}

// AF_UNIX, AF_INET or AF_INET6 of a listening socket.
Result<int> family_of(int number) {
  int family = 0;
  int listens = 0;
  socklen_t size = sizeof family;
  const bool usable = ::getsockopt(number, SOL_SOCKET, SO_DOMAIN, &family, &size) == 0 &&
                      ::getsockopt(number, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 &&
                      listens != 0 &&
                      (family == AF_UNIX || family == AF_INET || family == AF_INET6);
  if (!usable) {
    return fail(ErrorCode::kInvalidInput,
                "what systemd passed (LISTEN_FDS) is no listening UNIX or TCP socket",
                "migd.socket needs ListenStream= with a path, migd-tcp.socket with address and "
                "port");
  }
  return family;
}

Result<base::Fd> take_over(int number) {
  if (::fcntl(number, F_SETFD, FD_CLOEXEC) != 0 || ::fcntl(number, F_SETFL, O_NONBLOCK) != 0) {
    return base::errno_error("take over", "systemd's socket", errno);
  }
  return base::Fd(number);
}

// The UNIX socket among what systemd passed; nullopt = none is.
Result<std::optional<Listener>> passed_unix() {
  std::optional<int> found;
  for (int number = kFirstInherited; number < kFirstInherited + passed(); ++number) {
    MIG_ASSIGN_OR_RETURN(const int family, family_of(number));
    if (family != AF_UNIX) {
      continue;
    }
    if (found) {
      return fail(ErrorCode::kInvalidInput,
                  "systemd passed more than one UNIX socket (LISTEN_FDS)",
                  "migd.socket needs one ListenStream= with a path");
    }
    found = number;
  }
  if (!found) {
    return std::optional<Listener>();
  }
  MIG_ASSIGN_OR_RETURN(base::Fd fd, take_over(*found));
  return std::optional<Listener>(Listener{std::move(fd), false});
}

}  // namespace

Result<std::vector<TcpListener>> passed_tcp() {
  std::vector<TcpListener> listeners;
  const std::vector<std::string> names = passed_names();
  for (int number = kFirstInherited; number < kFirstInherited + passed(); ++number) {
    MIG_ASSIGN_OR_RETURN(const int family, family_of(number));
    if (family == AF_UNIX) {
      continue;
    }
    MIG_ASSIGN_OR_RETURN(base::Fd fd, take_over(number));
    TcpListener listener = described(std::move(fd));
    const auto index = static_cast<std::size_t>(number - kFirstInherited);
    listener.name = index < names.size() ? names[index] : "";
    listeners.push_back(std::move(listener));
  }
  return listeners;
}

int connect_unix(const std::string& path, base::Fd& fd) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return ENOENT;
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  fd = base::Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): how connect(2) takes addresses
  const auto* where = reinterpret_cast<const sockaddr*>(&address);
  return fd.valid() && ::connect(fd.get(), where, sizeof address) == 0 ? 0 : errno;
}

bool somebody_listens(const std::string& path) {
  base::Fd probe;
  const int error = connect_unix(path, probe);
  // EAGAIN: the listen backlog is full, so a server is there, though busy.
  return error == 0 || error == EAGAIN;
}

Result<Listener> listen_unix(const std::string& path) {
  MIG_ASSIGN_OR_RETURN(std::optional<Listener> given, passed_unix());
  if (given) {
    return *std::move(given);
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return fail(ErrorCode::kInvalidInput,
                fmt::format("{} is no path for a socket: 1 to {} bytes",
                            base::quoted(path),
                            sizeof(address.sun_path) - 1));
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  if (somebody_listens(path)) {
    return fail(ErrorCode::kConflict,
                fmt::format("another daemon listens on {} already", path),
                "one migd per machine: stop that one first");
  }

  struct stat info {};

  // Nobody else's folder, and nobody else's socket that listens no more (base/own_path.h).
  MIG_ASSIGN_OR_RETURN(const base::OwnPlace place, base::own_place(path));
  const int folder = place.folder.get();
  if (::fstatat(folder, place.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
      S_ISSOCK(info.st_mode)) {
    ::unlinkat(folder, place.name.c_str(), 0);
  }
  base::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) {
    return base::errno_error("make a socket for", path, errno);
  }
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): how bind(2) takes addresses
  const auto* where = reinterpret_cast<const sockaddr*>(&address);
  // Born with its mode: everybody may connect. A chmod would be of whatever has the name by then.
  const mode_t before = ::umask(0111);
  const int bound = ::bind(fd.get(), where, sizeof address);
  const int error = errno;
  ::umask(before);
  if (bound != 0) {
    return base::errno_error("make the socket", path, error);
  }
  if (::listen(fd.get(), kBacklog) != 0) {
    return base::errno_error("listen on", path, errno);
  }
  return Listener{std::move(fd), true};
}

}  // namespace mig::http
