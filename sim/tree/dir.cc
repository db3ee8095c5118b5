// SPDX-License-Identifier: Apache-2.0
#include "sim/tree/dir.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include <dirent.h>

namespace migsim {

namespace {

constexpr int kOpenDir = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;

int write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno != EINTR) {
      return errno;
    }
    if (n > 0) {
      content.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  return 0;
}

}  // namespace

Dir::~Dir() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

int Dir::open(const std::string& path, Dir& out) {
  Dir dir;
  dir.fd_ = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir.fd_ < 0) {
    return errno;
  }
  out = std::move(dir);
  return 0;
}

int Dir::enter(std::string_view name, Dir& out) const {
  Dir dir;
  int at = fd_;
  while (!name.empty()) {
    const std::size_t slash = std::min(name.find('/'), name.size());
    const std::string part(name.substr(0, slash));
    name.remove_prefix(std::min(slash + 1, name.size()));
    if (::mkdirat(at, part.c_str(), 0755) != 0 && errno != EEXIST) {
      return errno;
    }
    Dir next;
    next.fd_ = ::openat(at, part.c_str(), kOpenDir);
    if (next.fd_ < 0) {
      return errno;
    }
    dir = std::move(next);
    at = dir.fd_;
  }
  out = std::move(dir);
  return 0;
}

bool Dir::has(const char* name) const {
  struct stat info {};

  return ::fstatat(fd_, name, &info, AT_SYMLINK_NOFOLLOW) == 0;
}

std::string Dir::read(const char* name) const {
  const int fd = ::openat(fd_, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) {
    return {};
  }
  std::array<char, 4096> text{};
  const ssize_t n = ::read(fd, text.data(), text.size());
  ::close(fd);
  return n > 0 ? std::string(text.data(), static_cast<std::size_t>(n)) : std::string();
}

int Dir::write(const char* name, std::string_view content, mode_t mode) const {
  // The caller holds the tree's lock, so a fixed temporary name is safe.
  const std::string unfinished = std::string(".new-") + name;
  ::unlinkat(fd_, unfinished.c_str(), 0);
  const int fd =
      ::openat(fd_, unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) {
    return errno;
  }
  int error = write_all(fd, content);
  if (error == 0 && ::fchmod(fd, mode) != 0) {
    error = errno;
  }
  ::close(fd);
  if (error == 0 && ::renameat(fd_, unfinished.c_str(), fd_, name) != 0) {
    error = errno;
  }
  if (error != 0) {
    ::unlinkat(fd_, unfinished.c_str(), 0);
  }
  return error;
}

int Dir::link(const char* name, const char* target) const {
  return ::symlinkat(target, fd_, name) == 0 || errno == EEXIST ? 0 : errno;
}

int Dir::remove(const char* name) const {
  if (::unlinkat(fd_, name, 0) == 0 || errno == ENOENT) {
    return 0;
  }
  if (errno != EISDIR && errno != EPERM) {
    return errno;
  }
  Dir inner;
  inner.fd_ = ::openat(fd_, name, kOpenDir);
  if (inner.fd_ < 0) {
    return errno;
  }
  for (const std::string& entry : inner.names()) {
    if (const int error = inner.remove(entry.c_str()); error != 0) {
      return error;
    }
  }
  return ::unlinkat(fd_, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : errno;
}

std::set<std::string> Dir::names() const {
  std::set<std::string> names;
  const int copy = ::openat(fd_, ".", kOpenDir);
  DIR* stream = copy < 0 ? nullptr : ::fdopendir(copy);
  if (stream == nullptr) {
    if (copy >= 0) {
      ::close(copy);
    }
    return names;
  }
  // NOLINTNEXTLINE(concurrency-mt-unsafe): safe on a stream of one's own
  while (const dirent* entry = ::readdir(stream)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") {
      names.insert(name);
    }
  }
  ::closedir(stream);
  return names;
}

}  // namespace migsim
