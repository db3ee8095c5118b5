// SPDX-License-Identifier: Apache-2.0
#include "launch/job_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <fmt/format.h>

namespace mig::launch {
namespace {

constexpr std::size_t kChunk = 1U << 20U;
constexpr std::size_t kLongestLine = 64U << 10U;  // longer lines are shown in parts
constexpr const char* kPartMissing = "[migctl: a part of the output is missing here]\n";

std::int64_t size_of(int fd) {
  struct stat info {};

  return ::fstat(fd, &info) == 0 ? info.st_size : 0;
}

std::uint64_t inode_of(int fd) {
  struct stat info {};

  return ::fstat(fd, &info) == 0 ? info.st_ino : 0;
}

std::string older(const std::string& path) {
  return path + ".1";
}

Result<base::Fd> open_to_read(const std::string& path) {
  return base::open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
}

// At most 1 MiB from `at` on, which moves on.
std::string read_at(int fd, std::int64_t& at, std::int64_t most) {
  const auto wanted = std::min<std::int64_t>(kChunk, std::max<std::int64_t>(most, 0));
  std::string chunk(static_cast<std::size_t>(wanted), '\0');
  const ssize_t got = ::pread(fd, chunk.data(), chunk.size(), at);
  chunk.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  at += static_cast<std::int64_t>(chunk.size());
  return chunk;
}

}  // namespace

JobLog::JobLog(std::string path, base::Fd fd, std::int64_t most)
    : path_(std::move(path)), fd_(std::move(fd)), most_(most), size_(size_of(fd_.get())) {}

Result<JobLog> JobLog::create(const std::string& path, std::int64_t most) {
  ::unlink(older(path).c_str());
  ::unlink(path.c_str());
  MIG_ASSIGN_OR_RETURN(
      base::Fd fd,
      base::open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW, 0600));
  return JobLog(path, std::move(fd), most);
}

Result<JobLog> JobLog::reopen(const std::string& path, std::int64_t most) {
  MIG_ASSIGN_OR_RETURN(base::Fd fd,
                       base::open_file(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600));
  return JobLog(path, std::move(fd), most);
}

void JobLog::rotate() {
  if (::rename(path_.c_str(), older(path_).c_str()) != 0) {
    ::unlink(path_.c_str());  // a bounded log is worth more than its older part
  }
  auto next = base::open_file(path_, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW, 0600);
  size_ = 0;
  if (next) {
    fd_ = *std::move(next);
  } else {
    fd_.reset();  // writing fails, and says so, until a later rotation succeeds
  }
}

bool JobLog::write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(fd_.get(), text.data(), text.size());
    if (put < 0 && errno == EINTR) {
      continue;
    }
    if (put <= 0) {
      why_dropped_ = std::generic_category().message(put < 0 ? errno : EIO);
      dropped_ += text.size();
      return false;
    }
    size_ += put;
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

void JobLog::append(std::string_view text) {
  while (!text.empty()) {
    if (size_ >= most_ || !fd_.valid()) {
      rotate();
    }
    if (dropped_ > 0) {
      const std::string note =
          fmt::format("\n[migctl: {} bytes are missing here: {}]\n", dropped_, why_dropped_);
      const std::uint64_t before = std::exchange(dropped_, 0);
      if (!write(note)) {
        dropped_ = before + text.size();
        return;
      }
    }
    const auto room = static_cast<std::size_t>(std::max<std::int64_t>(most_ - size_, 1));
    const std::string_view part = text.substr(0, room);
    if (!write(part)) {
      dropped_ += text.size() - part.size();
      return;
    }
    text.remove_prefix(part.size());
  }
}

std::string Lines::add(std::string_view text) {
  held_.append(text);
  std::string out;
  std::size_t begin = 0;
  for (auto end = held_.find('\n'); end != std::string::npos; end = held_.find('\n', begin)) {
    out.append(prefix_).append(held_, begin, end + 1 - begin);
    begin = end + 1;
  }
  held_.erase(0, begin);
  return held_.size() > kLongestLine ? out + flush() : out;
}

std::string Lines::flush() {
  if (held_.empty()) {
    return "";
  }
  std::string out = prefix_ + held_ + "\n";
  held_.clear();
  return out;
}

// Opens the log, or the file that has taken the place of the one that was read to its end. The
// open descriptor keeps the old file's inode number from being used again.
bool LogTail::next_file() {
  auto next = open_to_read(path_);
  if (!next || (fd_.valid() && inode_of(next->get()) == inode_of(fd_.get()))) {
    return false;
  }
  if (fd_.valid()) {
    const auto before = open_to_read(older(path_));
    if (!before || inode_of(before->get()) != inode_of(fd_.get())) {
      missing_ = true;  // there were files in between
    }
    at_ = 0;
  }
  fd_ = *std::move(next);
  return true;
}

std::string LogTail::read() {
  if (!fd_.valid() && !next_file()) {
    return "";
  }
  std::string text;
  for (bool more = true; text.empty() && more;) {
    const std::string chunk =
        read_at(fd_.get(), at_, end_ ? *end_ - at_ : static_cast<std::int64_t>(kChunk));
    text = (std::exchange(missing_, false) ? kPartMissing : "") + lines_.add(chunk);
    more = !chunk.empty() || (!end_ && next_file());
  }
  return text;
}

std::string LogTail::flush() {
  std::string text;
  for (std::string more = read(); !more.empty(); more = read()) {
    text += more;
  }
  return text + lines_.flush();
}

void LogTail::stop_here() {
  if (fd_.valid() || next_file()) {
    end_ = size_of(fd_.get());
  }
}

Result<std::int64_t> start_of_last_lines(const std::string& path, std::uint64_t lines) {
  MIG_ASSIGN_OR_RETURN(const base::Fd fd, open_to_read(path));
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
