// SPDX-License-Identifier: Apache-2.0
#include "daemon/notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "base/fd.h"
#include "base/strings.h"

namespace mig::daemon {
namespace {

std::optional<std::uint64_t> number_in(const char* variable) {
  const char* text = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): at start
  return text == nullptr ? std::nullopt : base::parse_decimal(text, INT64_MAX);
}

}  // namespace

void tell_systemd(const char* state) {
  const char* path = std::getenv("NOTIFY_SOCKET");  // NOLINT(concurrency-mt-unsafe)
  sockaddr_un address{};
  if (path == nullptr || *path == '\0' || std::strlen(path) >= sizeof(address.sun_path)) {
    return;
  }
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path, std::strlen(path));
  if (*path == '@') {
    address.sun_path[0] = '\0';
  }
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
  const base::Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (fd.valid()) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): how sendto(2) takes addresses
    static_cast<void>(::sendto(fd.get(),
                               state,
                               std::strlen(state),
                               MSG_NOSIGNAL,
                               reinterpret_cast<const sockaddr*>(&address),
                               size));
  }
}

std::optional<std::chrono::microseconds> watchdog_period() {
  const auto period = number_in("WATCHDOG_USEC");
  // Of the daemon's process, not of one that inherited the environment.
  const auto pid = number_in("WATCHDOG_PID");
  if (!period || *period == 0 || (pid && *pid != static_cast<std::uint64_t>(::getpid()))) {
    return std::nullopt;
  }
  return std::chrono::microseconds(*period);
}

void Watchdog::loop_turns() {
  if (!period_) {
    return;
  }
  const std::chrono::nanoseconds now = clock_.monotonic();
  if (told_ && now - *told_ < *period_ / 4) {
    return;
  }
  told_ = now;
  tell_systemd("WATCHDOG=1");
}

}  // namespace mig::daemon
