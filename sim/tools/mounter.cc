// SPDX-License-Identifier: Apache-2.0
#include "sim/tools/mounter.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace migsim {

void Mounter::fail(const std::string& what) {
  const int code = errno;
  problem_ = {
      code == EPERM || code == EACCES ? Exit::kPermission : Exit::kIo,
      what + ": " + std::error_code(code, std::generic_category()).message(),
      "migctl sim env needs no mounts, and is enough for programs that only use the library"};
}

void Mounter::make_private() {
  if (ok() && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    fail("cannot make the mounts private");
  }
}

void Mounter::tmpfs(const std::string& at, const char* mode) {
  if (ok() && mount("migsim", at.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, mode) != 0) {
    fail("cannot mount a tmpfs on " + at);
  }
}

void Mounter::bind(const std::string& what, const std::string& over) {
  if (ok() && mount(what.c_str(), over.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) {
    fail("cannot bind " + what + " over " + over);
  }
}

void Mounter::move(const std::string& mounted, const std::string& over) {
  if (ok() && mount(mounted.c_str(), over.c_str(), nullptr, MS_MOVE, nullptr) != 0) {
    fail("cannot move " + mounted + " over " + over);
  }
}

void Mounter::folder(const std::string& path) {
  if (ok() && mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
    fail("cannot make " + path);
  }
}

void Mounter::file(const std::string& path, const std::string& content, mode_t mode) {
  if (!ok()) {
    return;
  }
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) {
    fail("cannot make " + path);
    return;
  }
  if (write(fd, content.data(), content.size()) != static_cast<ssize_t>(content.size()) ||
      fchmod(fd, mode) != 0) {
    fail("cannot write " + path);
  }
  close(fd);
}

void Mounter::link(const std::string& path, const std::string& target) {
  if (ok() && symlink(target.c_str(), path.c_str()) != 0) {
    fail("cannot make the link " + path);
  }
}

void Mounter::node(const std::string& path, dev_t number, mode_t mode) {
  if (ok() &&
      (mknod(path.c_str(), S_IFCHR | 0600, number) != 0 || chmod(path.c_str(), mode) != 0)) {
    fail("cannot make the device node " + path);
  }
}

std::vector<std::string> Mounter::names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; ok() && !error && it != end;
       it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  if (ok() && error) {
    errno = error.value();
    fail("cannot read " + folder);
    names.clear();
  }
  return names;
}

}  // namespace migsim
