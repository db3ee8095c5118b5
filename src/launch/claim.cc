// SPDX-License-Identifier: Apache-2.0
#include "launch/claim.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "base/file_lock.h"

namespace mig::launch {
namespace {

// The older UUID form MIG-GPU-<uuid>/<gi>/<ci> contains slashes.
std::string file_of(const std::string& dir, std::string uuid) {
  std::replace(uuid.begin(), uuid.end(), '/', '_');
  return dir + "/" + uuid + ".claim";
}

}  // namespace

Result<Claim> Claim::take(const std::string& dir, const std::string& uuid) {
  if (::mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST) {
    return base::errno_error("make the folder", dir, errno);
  }
  const std::string path = file_of(dir, uuid);
  MIG_ASSIGN_OR_RETURN(base::Fd fd, base::open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) {
      continue;
    }
    if (errno != EWOULDBLOCK) {
      return base::errno_error("lock", path, errno);
    }
    const auto pid = base::FileLock::holder(path);
    return fail(ErrorCode::kInUse,
                pid ? fmt::format("claimed by pid {} of migctl run", *pid)
                    : std::string("claimed by another migctl run"));
  }
  Claim claim(std::move(fd));
  claim.set_holder(::getpid());
  return claim;
}

void Claim::set_holder(int pid) const {
  const std::string text = fmt::format("{}\n", pid);
  // Content for messages only: the lock itself is authoritative.
  if (::ftruncate(fd_.get(), 0) == 0) {
    static_cast<void>(::pwrite(fd_.get(), text.data(), text.size(), 0) >= 0);
  }
}

}  // namespace mig::launch
