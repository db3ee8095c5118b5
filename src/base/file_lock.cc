// SPDX-License-Identifier: Apache-2.0
#include "base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include <fmt/format.h>

#include "base/file.h"
#include "base/strings.h"

namespace mig::base {
namespace {

Error held(const std::string& path) {
  const auto pid = FileLock::holder(path);
  std::string who = "another process";
  if (pid) {
    std::string name = read_file(fmt::format("/proc/{}/comm", *pid), 256).value_or("");
    name.erase(std::remove(name.begin(), name.end(), '\n'), name.end());
    who = name.empty() ? fmt::format("pid {}", *pid) : fmt::format("pid {} ({})", *pid, name);
  }
  return Error{ErrorCode::kConflict,
               fmt::format("{} is locked by {}", path, who),
               "wait until it is done and try again"};
}

}  // namespace

Result<FileLock> FileLock::acquire(const std::string& path,
                                   std::chrono::milliseconds patience,
                                   Clock& clock) {
  using namespace std::chrono_literals;
  MIG_ASSIGN_OR_RETURN(Fd fd, open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  const auto deadline = clock.monotonic() + patience;
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) {
      continue;
    }
    if (errno != EWOULDBLOCK) {
      return errno_error("lock", path, errno);
    }
    if (clock.monotonic() >= deadline) {
      return held(path);
    }
    clock.sleep(20ms);
  }
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd.get(), 0) != 0 ||
      ::pwrite(fd.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return errno_error("write the pid to", path, errno);
  }
  return FileLock(std::move(fd));
}

std::optional<int> FileLock::holder(const std::string& path) {
  auto text = read_file(path, 64);
  if (!text) {
    return std::nullopt;
  }
  text->erase(std::remove(text->begin(), text->end(), '\n'), text->end());
  const auto pid = parse_decimal(*text, INT_MAX);
  return pid ? std::optional<int>(static_cast<int>(*pid)) : std::nullopt;
}

}  // namespace mig::base
