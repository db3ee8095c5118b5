// SPDX-License-Identifier: Apache-2.0
#include "base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <ctime>
#include <string_view>

#include <fmt/format.h>

#include "base/file.h"
#include "base/own_path.h"
#include "base/proc_root.h"
#include "base/process_start.h"
#include "base/strings.h"

namespace mig::base {
namespace {

// Content of the lock file, one value per line: pid of the lock's holder, what it does, since when
// (Unix time in s), and its process start time in ticks.
struct Holder {
  std::optional<int> pid;
  std::string doing;
  std::optional<std::uint64_t> since_s;
  std::optional<std::uint64_t> start_ticks;
};

constexpr std::size_t kLongestDoing = 400;
constexpr std::size_t kLongestFile = kLongestDoing + 96;

Holder read_holder(const std::string& path) {
  const auto text = read_file(path, kLongestFile);
  Holder holder;
  if (!text) {
    return holder;
  }
  std::string_view rest = *text;
  const auto line = [&rest] {
    const std::string_view one = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    return one;
  };
  if (const auto pid = parse_decimal(line(), INT_MAX)) {
    holder.pid = static_cast<int>(*pid);
  }
  holder.doing = printable(line());
  if (const auto since = parse_decimal(line(), INT64_MAX)) {
    holder.since_s = *since;
  }
  holder.start_ticks = parse_decimal(line(), UINT64_MAX);
  return holder;
}

std::string since_text(std::uint64_t since_s, std::chrono::nanoseconds now) {
  const auto time = static_cast<std::time_t>(since_s);
  std::tm utc{};
  std::array<char, 32> text{};
  if (::gmtime_r(&time, &utc) == nullptr ||
      std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &utc) == 0) {
    return {};
  }
  const auto now_s = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  const auto ago = now_s - static_cast<std::int64_t>(since_s);
  // A clock that was set back gives no age.
  return fmt::format(
      ", since {}{}", text.data(), ago >= 0 ? fmt::format(" ({} s ago)", ago) : std::string());
}

Error held(const std::string& path, Clock& clock) {
  const Holder holder = read_holder(path);
  std::string who = "another process";
  if (holder.pid) {
    // In another PID namespace the pid may belong to another program.
    const bool same = process_start(proc_root(), *holder.pid) == holder.start_ticks;
    std::string name =
        same ? read_file(fmt::format("{}/{}/comm", proc_root(), *holder.pid), 256).value_or("")
             : "";
    name = printable(name.substr(0, name.rfind('\n')));
    who = name.empty() ? fmt::format("pid {}", *holder.pid)
                       : fmt::format("pid {} ({})", *holder.pid, name);
    if (!holder.doing.empty()) {
      who += fmt::format(": `{}`", holder.doing);
    }
    if (holder.since_s) {
      who += since_text(*holder.since_s, clock.wall());
    }
  }
  return Error{ErrorCode::kConflict,
               fmt::format("{} is locked by {}", path, who),
               "wait until it is done and try again"};
}

Result<void> write_holder(const Fd& fd, const std::string& path, std::string doing, Clock& clock) {
  std::replace(doing.begin(), doing.end(), '\n', ' ');
  doing.resize(std::min(doing.size(), kLongestDoing));
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(clock.wall()).count();
  const std::string text = fmt::format("{}\n{}\n{}\n{}\n",
                                       ::getpid(),
                                       doing,
                                       now,
                                       process_start(proc_root(), ::getpid()).value_or(0));
  if (::ftruncate(fd.get(), 0) != 0 ||
      ::pwrite(fd.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    return errno_error("write who we are to", path, errno);
  }
  return {};
}

// Open file description locks (OFD): they distinguish threads and other opens within this process.
struct flock whole_file() {
  struct flock lock {};

  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

Result<FileLock> FileLock::acquire(const std::string& path,
                                   std::chrono::milliseconds patience,
                                   Clock& clock,
                                   const std::string& doing) {
  using namespace std::chrono_literals;
  MIG_ASSIGN_OR_RETURN(Fd fd, open_own_file(path, O_RDWR | O_CREAT, 0600));
  const auto deadline = clock.monotonic() + patience;
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) {
      continue;
    }
    if (errno != EWOULDBLOCK) {
      return errno_error("lock", path, errno);
    }
    if (clock.monotonic() >= deadline) {
      return held(path, clock);
    }
    clock.sleep(20ms);
  }
  // The lock that locked() tests. The flock above decides who holds the lock; on a file system
  // without OFD locks only the test is lost.
  struct flock shown = whole_file();
  (void)::fcntl(fd.get(), F_OFD_SETLK, &shown);
  MIG_TRY(write_holder(fd, path, doing, clock));
  return FileLock(std::move(fd));
}

std::optional<bool> FileLock::locked(const std::string& path) {
  const auto fd = open_file(path, O_RDONLY | O_NOFOLLOW, 0);
  if (!fd) {
    return std::nullopt;
  }
  struct flock probe = whole_file();
  if (::fcntl(fd->get(), F_OFD_GETLK, &probe) != 0) {
    return std::nullopt;
  }
  return probe.l_type != F_UNLCK;
}

std::optional<int> FileLock::holder(const std::string& path) {
  return read_holder(path).pid;
}

}  // namespace mig::base
