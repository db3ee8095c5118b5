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

#include <fmt/format.h>

#include "base/strings.h"
#include "http/client.h"
#include "http/server.h"
#include "http/unix_socket.h"

namespace mig::http {
namespace {

constexpr int kFirstInherited = 3;
constexpr int kBacklog = 512;

// Number of the socket passed by systemd (socket activation); nullopt = none.
std::optional<int> inherited() {
  const char* pid = std::getenv("LISTEN_PID");  // NOLINT(concurrency-mt-unsafe): at start
  const char* fds = std::getenv("LISTEN_FDS");  // NOLINT(concurrency-mt-unsafe): at start
  if (pid == nullptr || fds == nullptr || std::to_string(::getpid()) != pid) {
    return std::nullopt;
  }
  const auto count = base::parse_decimal(fds, 64);
  if (!count || *count == 0) {
    return std::nullopt;
  }
  return kFirstInherited;
}

Result<Listener> take_inherited(int number) {
  int domain = 0;
  int listens = 0;
  socklen_t size = sizeof domain;
  const bool usable = ::getsockopt(number, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
                      ::getsockopt(number, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 &&
                      domain == AF_UNIX && listens != 0;
  if (!usable) {
    return fail(ErrorCode::kInvalidInput,
                "what systemd passed (LISTEN_FDS) is no listening UNIX socket",
                "migd.socket needs ListenStream= with a path");
  }
  if (::fcntl(number, F_SETFD, FD_CLOEXEC) != 0 || ::fcntl(number, F_SETFL, O_NONBLOCK) != 0) {
    return base::errno_error("take over", "systemd's socket", errno);
  }
  return Listener{base::Fd(number), false};
}

}  // namespace

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
  if (const auto given = inherited()) {
    return take_inherited(*given);
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

  if (::lstat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode)) {
    ::unlink(path.c_str());
  }
  base::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) {
    return base::errno_error("make a socket for", path, errno);
  }
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): how bind(2) takes addresses
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return base::errno_error("make the socket", path, errno);
  }
  if (::chmod(path.c_str(), 0666) != 0) {
    return base::errno_error("open to everybody", path, errno);
  }
  if (::listen(fd.get(), kBacklog) != 0) {
    return base::errno_error("listen on", path, errno);
  }
  return Listener{std::move(fd), true};
}

}  // namespace mig::http
