// SPDX-License-Identifier: Apache-2.0
#include "launch/forked.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace mig::launch {
namespace {

constexpr int kLastOpenFd = 1 << 16;  // fallback without close_range(2)

}  // namespace

ssize_t read_all(int fd, void* to, std::size_t size) {
  ssize_t got = 0;
  do {
    got = ::read(fd, to, size);
  } while (got < 0 && errno == EINTR);
  return got;
}

void close_all_but(int kept) {
#ifdef SYS_close_range
  const bool below = kept == 0 || ::syscall(SYS_close_range, 0U, kept - 1, 0U) == 0;
  if (below && ::syscall(SYS_close_range, kept + 1, ~0U, 0U) == 0) {
    return;
  }
#endif
  for (int fd = 0; fd < kLastOpenFd; ++fd) {
    if (fd != kept) {
      ::close(fd);
    }
  }
}

void leave_session() {
  ::setsid();
  for (int number = 1; number < SIGRTMIN; ++number) {
    if (number != SIGCHLD) {
      ::signal(number, SIG_IGN);
    }
  }
}

void standard_signals() {
  for (int number = 1; number < SIGRTMIN; ++number) {
    struct sigaction now {};

    if (::sigaction(number, nullptr, &now) == 0 &&
        (now.sa_handler != SIG_IGN || number == SIGPIPE || number == SIGXFSZ)) {
      ::signal(number, SIG_DFL);
    }
  }
  sigset_t none;
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace mig::launch
