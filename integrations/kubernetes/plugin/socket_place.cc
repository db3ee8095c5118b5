// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/plugin/socket_place.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/core.h>

#include "base/fd.h"

namespace mig::kube {
namespace {

constexpr mode_t kFolderMode = 0750;

// 0, or the error of connecting.
int try_connect(const std::string& path) {
  const base::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) {
    return errno;
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(static_cast<char*>(address.sun_path), path.c_str(), path.size() + 1);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the system call's own type
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    return 0;
  }
  return errno;
}

}  // namespace

FileIdentity identity(const std::string& path) {
  struct stat info {};

  if (::lstat(path.c_str(), &info) != 0) {
    return {};
  }
  constexpr std::int64_t kNsPerSecond = 1'000'000'000;
  return {.device = info.st_dev,
          .inode = info.st_ino,
          .changed_ns = info.st_ctim.tv_sec * kNsPerSecond + info.st_ctim.tv_nsec};
}

Result<void> socket_folder(const std::string& path) {
  for (std::size_t at = 1; at != std::string::npos;) {
    at = path.find('/', at);
    const std::string part = path.substr(0, at);
    if (::mkdir(part.c_str(), kFolderMode) == 0) {
      (void)::chmod(part.c_str(), kFolderMode);  // whatever the umask is
    } else if (errno != EEXIST) {
      return base::errno_error("make folder", part, errno);
    }
    at = at == std::string::npos ? at : at + 1;
  }

  struct stat info {};

  if (::stat(path.c_str(), &info) != 0) {
    return base::errno_error("look at", path, errno);
  }
  if (!S_ISDIR(info.st_mode)) {
    return fail(ErrorCode::kInvalidInput, fmt::format("{} is not a folder", path));
  }
  if ((info.st_mode & S_IWOTH) != 0) {
    return fail(ErrorCode::kPermission,
                fmt::format("everybody may write in {}: a socket there could be replaced", path),
                fmt::format("chmod o-w {}", path));
  }
  return {};
}

Result<void> clear_stale_socket(const std::string& path) {
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return fail(ErrorCode::kInvalidInput,
                fmt::format("the path of a socket has at most {} bytes: {}",
                            sizeof(sockaddr_un::sun_path) - 1,
                            path));
  }

  struct stat info {};

  if (::lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) {
      return {};
    }
    return base::errno_error("look at", path, errno);
  }
  if (!S_ISSOCK(info.st_mode)) {
    return fail(ErrorCode::kConflict,
                fmt::format("cannot listen on {}: something is there that is not a socket", path));
  }
  const int number = try_connect(path);
  if (number == 0 || number == EAGAIN) {
    return fail(ErrorCode::kConflict,
                fmt::format("cannot listen on {}: another process does", path),
                "one component per node: is a second mig-kubelet, or its older copy, running?");
  }
  if (number != ECONNREFUSED && number != ENOENT) {
    return base::errno_error("ask who listens on", path, number);
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return base::errno_error("remove the socket of a dead process,", path, errno);
  }
  return {};
}

}  // namespace mig::kube
