// SPDX-License-Identifier: Apache-2.0
#include "launch/job_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace mig::launch {
namespace {

constexpr std::size_t kChunk = 1U << 20U;
constexpr std::size_t kLongestLine = 64U << 10U;  // longer lines are shown in parts

std::int64_t size_of(int fd) {
  struct stat info {};

  return ::fstat(fd, &info) == 0 ? info.st_size : 0;
}

bool copy_all(int from, int to) {
  std::vector<char> buffer(kChunk);
  for (off_t at = 0;;) {
    const ssize_t got = ::pread(from, buffer.data(), buffer.size(), at);
    if (got <= 0) {
      return got == 0;
    }
    if (::write(to, buffer.data(), static_cast<std::size_t>(got)) != got) {
      return false;
    }
    at += got;
  }
}

}  // namespace

Result<JobLog> JobLog::create(const std::string& path) {
  MIG_ASSIGN_OR_RETURN(
      base::Fd fd, base::open_file(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW, 0600));
  return JobLog(path, std::move(fd));
}

void JobLog::keep_small(std::int64_t most) const {
  if (size_of(fd_.get()) <= most) {
    return;
  }
  const std::string older = path_ + ".1";
  ::unlink(older.c_str());
  const auto copy = base::open_file(older, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (copy) {
    static_cast<void>(copy_all(fd_.get(), copy->get()));
  }
  // Writers use O_APPEND, so they continue at the start. Losing a log is better than a full disk.
  static_cast<void>(::ftruncate(fd_.get(), 0) == 0);
}

std::string LogTail::read() {
  const auto fd = base::open_file(path_, O_RDONLY | O_NOFOLLOW);
  if (!fd) {
    return "";
  }
  if (size_of(fd->get()) < at_) {
    at_ = 0;  // the file was truncated
  }
  std::string chunk(kChunk, '\0');
  const ssize_t got = ::pread(fd->get(), chunk.data(), chunk.size(), at_);
  if (got <= 0) {
    return "";
  }
  at_ += got;
  held_.append(chunk, 0, static_cast<std::size_t>(got));
  return take_lines(held_.size() > kLongestLine && held_.find('\n') == std::string::npos);
}

std::string LogTail::flush() {
  std::string text = read();
  return text + take_lines(true);
}

std::string LogTail::take_lines(bool all) {
  std::string out;
  std::size_t begin = 0;
  for (auto end = held_.find('\n'); end != std::string::npos; end = held_.find('\n', begin)) {
    out.append(prefix_).append(held_, begin, end + 1 - begin);
    begin = end + 1;
  }
  held_.erase(0, begin);
  if (all && !held_.empty()) {
    out.append(prefix_).append(held_).append("\n");
    held_.clear();
  }
  return out;
}

Result<std::int64_t> start_of_last_lines(const std::string& path, std::uint64_t lines) {
  MIG_ASSIGN_OR_RETURN(const base::Fd fd, base::open_file(path, O_RDONLY | O_NOFOLLOW));
  std::int64_t at = size_of(fd.get());
  // The newline at the end of the file begins no further line.
  std::uint64_t wanted = lines + 1;
  char buffer[65536];
  bool last = true;
  while (at > 0) {
    const std::int64_t size = std::min<std::int64_t>(at, sizeof buffer);
    if (::pread(fd.get(), buffer, static_cast<std::size_t>(size), at - size) != size) {
      return base::errno_error("read", path, errno);
    }
    if (last && buffer[size - 1] != '\n') {
      --wanted;
    }
    last = false;
    for (std::int64_t i = size; i > 0; --i) {
      if (buffer[i - 1] == '\n' && (wanted == 0 || --wanted == 0)) {
        return at - size + i;
      }
    }
    at -= size;
  }
  return 0;
}

}  // namespace mig::launch
