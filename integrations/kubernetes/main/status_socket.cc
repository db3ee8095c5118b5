// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/main/status_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>
#include <utility>

#include <fmt/core.h>

#include "base/strings.h"
#include "kubernetes/plugin/socket_place.h"

namespace mig::kube {
namespace {

constexpr int kWaiting = 16;
constexpr mode_t kMode = 0600;
constexpr std::size_t kMostAnswer = 2000;
constexpr timeval kPatience{.tv_sec = 3, .tv_usec = 0};

Result<base::Fd> open_socket(const std::string& path, sockaddr_un& address) {
  if (path.size() >= sizeof(address.sun_path)) {
    return fail(ErrorCode::kInvalidInput, "the path of the socket is too long: " + path);
  }
  address.sun_family = AF_UNIX;
  std::memcpy(static_cast<char*>(address.sun_path), path.c_str(), path.size() + 1);
  base::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) {
    return base::errno_error("make the socket", path, errno);
  }
  return fd;
}

const sockaddr* plain(const sockaddr_un& address) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the system call's own type
  return reinterpret_cast<const sockaddr*>(&address);
}

}  // namespace

Result<std::unique_ptr<StatusSocket>> StatusSocket::start(const std::string& path,
                                                          std::function<std::string()> trouble) {
  MIG_TRY(clear_stale_socket(path));
  sockaddr_un address{};
  MIG_ASSIGN_OR_RETURN(base::Fd fd, open_socket(path, address));
  if (::bind(fd.get(), plain(address), sizeof(address)) != 0 || ::chmod(path.c_str(), kMode) != 0 ||
      ::listen(fd.get(), kWaiting) != 0) {
    return base::errno_error("listen on", path, errno);
  }
  std::unique_ptr<StatusSocket> made(new StatusSocket(path, std::move(fd), std::move(trouble)));
  made->thread_ = std::jthread([raw = made.get()] { raw->serve(); });
  return made;
}

StatusSocket::StatusSocket(std::string path,
                           base::Fd listener,
                           std::function<std::string()> trouble)
    : path_(std::move(path)), listener_(std::move(listener)), trouble_(std::move(trouble)) {}

StatusSocket::~StatusSocket() {
  (void)::shutdown(listener_.get(), SHUT_RDWR);  // ends accept()
  thread_.join();
  (void)::unlink(path_.c_str());
}

void StatusSocket::serve() {
  while (true) {
    const base::Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client.valid()) {
      if (errno == EINTR || errno == ECONNABORTED) {
        continue;
      }
      if (errno == EMFILE || errno == ENFILE) {
        std::this_thread::sleep_for(std::chrono::milliseconds{100});
        continue;
      }
      return;
    }
    const std::string trouble = base::printable(trouble_()).substr(0, kMostAnswer);
    const std::string answer = trouble.empty() ? "ready\n" : "not ready: " + trouble + "\n";
    (void)::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
}

Result<std::string> ask_status(const std::string& path) {
  sockaddr_un address{};
  MIG_ASSIGN_OR_RETURN(const base::Fd fd, open_socket(path, address));
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof(kPatience));
  if (::connect(fd.get(), plain(address), sizeof(address)) != 0) {
    return fail(
        ErrorCode::kIo,
        fmt::format(
            "no mig-kubelet answers on {}: {}", path, std::generic_category().message(errno)));
  }
  std::string answer;
  std::array<char, 512> part{};
  while (answer.size() < 2 * kMostAnswer) {
    const ssize_t got = ::recv(fd.get(), part.data(), part.size(), 0);
    if (got <= 0) {
      break;
    }
    answer.append(part.data(), static_cast<std::size_t>(got));
  }
  constexpr std::string_view kNot = "not ready: ";
  if (answer == "ready\n") {
    return std::string();
  }
  if (answer.starts_with(kNot) && answer.ends_with('\n')) {
    return answer.substr(kNot.size(), answer.size() - kNot.size() - 1);
  }
  return fail(ErrorCode::kIo, fmt::format("the mig-kubelet on {} does not answer in time", path));
}

}  // namespace mig::kube
