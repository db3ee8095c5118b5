// SPDX-License-Identifier: Apache-2.0
#include "sim/machine/own_way.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <deque>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

namespace migsim {
namespace {

constexpr int kMostLinks = 40;

bool is_number(const char* text, uid_t& uid) {
  char* end = nullptr;
  errno = 0;
  const unsigned long number = ::strtoul(text, &end, 10);
  uid = static_cast<uid_t>(number);
  return errno == 0 && end != text && *end == '\0' && text[0] >= '0' && text[0] <= '9' &&
         number < 0xFFFFFFFFUL;
}

// root's, this process's, the owner's of "/" (in a user namespace the host's root has another
// number), and for root who called sudo.
bool is_trusted(uid_t owner) {
  const uid_t ours = ::geteuid();

  struct stat top {};

  if (owner == 0 || owner == ours || (::stat("/", &top) == 0 && owner == top.st_uid)) {
    return true;
  }
  const char* caller = ours == 0 ? ::secure_getenv("SUDO_UID") : nullptr;
  uid_t uid = 0;
  return caller != nullptr && is_number(caller, uid) && owner == uid;
}

void put_before(std::deque<std::string>& parts, const std::string& path) {
  std::deque<std::string> front;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    if (end > at) {
      front.push_back(path.substr(at, end - at));
    }
    at = end + 1;
  }
  parts.insert(parts.begin(), front.begin(), front.end());
}

std::string says(const char* what, const std::string& path, uid_t owner) {
  return std::string(what) + " " + path + " belongs to another user (uid " + std::to_string(owner) +
         "), who could lead it elsewhere";
}

// What of a component that is not trusted stands in the way: "" = nothing.
const char* in_the_way(const struct stat& info, bool entered) {
  if (is_trusted(info.st_uid)) {
    return "";
  }
  if (S_ISLNK(info.st_mode)) {
    return "the link";
  }
  return S_ISDIR(info.st_mode) && entered && ::geteuid() == 0 ? "the folder" : "";
}

// Goes on at the link's target: its components come before the others. False: it cannot be read.
bool follow(std::string& here, std::deque<std::string>& parts) {
  char target[PATH_MAX];
  const ssize_t size = ::readlink(here.c_str(), target, sizeof(target) - 1);
  if (size <= 0) {
    return false;
  }
  target[size] = '\0';
  put_before(parts, target);
  here = target[0] == '/' ? "/" : here.substr(0, here.rfind('/') + 1);
  here = here.empty() ? "." : here;
  return true;
}

}  // namespace

std::string foreign_on_way(const std::string& path, bool itself) {
  std::string here = path.rfind('/', 0) == 0 ? "/" : ".";
  std::deque<std::string> parts;
  put_before(parts, path);
  int links = 0;
  for (;;) {
    struct stat info {};

    if (::lstat(here.c_str(), &info) != 0) {
      return "";  // not there, or not to be seen: who opens it is told
    }
    const std::string what = in_the_way(info, itself || !parts.empty());
    if (!what.empty()) {
      return says(what.c_str(), here, info.st_uid);
    }
    if (S_ISLNK(info.st_mode)) {
      if (++links > kMostLinks || !follow(here, parts)) {
        return "";
      }
      continue;
    }
    if (parts.empty()) {
      return "";
    }
    here += (here.back() == '/' ? "" : "/") + parts.front();
    parts.pop_front();
  }
}

int open_own_output(const std::string& path, int flags) {
  const auto begins = [&](const char* with) { return path.rfind(with, 0) == 0; };
  if (path == "/dev/stdout" || path == "/dev/stderr" || begins("/dev/fd/") ||
      begins("/proc/self/fd/")) {
    return ::open(path.c_str(), flags | O_WRONLY | O_CLOEXEC | O_NOCTTY);  // given by the caller
  }
  char real[PATH_MAX];
  const bool there = ::realpath(path.c_str(), real) != nullptr;
  if (!foreign_on_way(path).empty()) {
    errno = EPERM;
    return -1;
  }
  // Links that are trusted are resolved; one that has appeared since is not followed.
  const char* name = there ? real : path.c_str();
  const int fd = ::open(name, flags | O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0644);

  struct stat info {};

  if (fd >= 0 && ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
      (!is_trusted(info.st_uid) || info.st_nlink > 1)) {
    ::close(fd);
    errno = EPERM;
    return -1;
  }
  return fd;
}

}  // namespace migsim
