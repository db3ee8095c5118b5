// SPDX-License-Identifier: Apache-2.0
// Liveness of processes, from /proc. No locale, no allocation: runs with the machine's lock held.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <signal.h>

#include "sim/machine/process.h"

namespace migsim {
namespace {

struct Stat {
  char state = '?';
  std::uint64_t start_ticks = 0;
};

// /proc/<pid>/stat: the program's name stands in brackets and may hold any character, so fields are
// counted from the last closing bracket: state is the 1st after it, start time the 20th.
bool read_stat(std::int32_t pid, Stat& stat) {
  char path[32];
  std::snprintf(path, sizeof(path), "/proc/%d/stat", pid);
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return false;
  }
  char text[1024];
  const ssize_t size = ::read(fd, text, sizeof(text) - 1);
  ::close(fd);
  if (size <= 0) {
    return false;
  }
  text[size] = '\0';
  const char* at = std::strrchr(text, ')');
  if (at == nullptr || at[1] != ' ') {
    return false;
  }
  at += 2;
  stat.state = *at;
  for (int field = 0; field < 19; ++field) {
    at = std::strchr(at, ' ');
    if (at == nullptr) {
      return false;
    }
    ++at;
  }
  stat.start_ticks = std::strtoull(at, nullptr, 10);
  return true;
}

std::uint64_t current_pid_namespace() {
  struct stat status {};

  return ::stat("/proc/self/ns/pid", &status) == 0 ? status.st_ino : 0;
}

}  // namespace

ProcessIdentity this_process() {
  ProcessIdentity who;
  who.pid = ::getpid();
  Stat stat;
  if (read_stat(who.pid, stat)) {
    who.start_ticks = stat.start_ticks;
  }
  who.pid_namespace = current_pid_namespace();
  const ssize_t size = ::readlink("/proc/self/exe", who.name, sizeof(who.name) - 1);
  who.name[size > 0 ? size : 0] = '\0';
  return who;
}

bool is_alive(const ProcessState& process, bool quick) {
  if (::kill(process.pid, 0) != 0 && errno == ESRCH) {
    return process.pid_namespace != current_pid_namespace();
  }
  if (quick) {
    return true;
  }
  Stat stat;
  if (!read_stat(process.pid, stat)) {
    return true;
  }
  const bool gone = stat.state == 'Z' || stat.state == 'X' ||
                    (process.start_ticks != 0 && stat.start_ticks != process.start_ticks);
  return !gone || process.pid_namespace != current_pid_namespace();
}

}  // namespace migsim
