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
#include "base/own_path.h"

namespace mig::launch {
namespace {

// The older UUID form MIG-GPU-<uuid>/<gi>/<ci> contains slashes.
std::string file_of(const std::string& dir, std::string uuid) {
  std::replace(uuid.begin(), uuid.end(), '/', '_');
  return dir + "/" + uuid + ".claim";
}

// Who can write to the folder decides which instances are claimed: only its owner may, who is this
// user.
Result<void> make_claims_folder(const std::string& dir) {
  if (::mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST) {
    return base::errno_error("make the folder", dir, errno);
  }

  struct stat info {};

  if (::lstat(dir.c_str(), &info) != 0) {
    return base::errno_error("look at", dir, errno);
  }
  if (!S_ISDIR(info.st_mode) || !base::is_trusted(info.st_uid) ||
      (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return fail(ErrorCode::kPermission,
                fmt::format("{} is no folder that only this user can write to (it belongs to {}, "
                            "mode {:o})",
                            dir,
                            base::owner_text(info.st_uid),
                            info.st_mode & 07777U),
                "remove it: it is made anew when it is needed");
  }
  return {};
}

}  // namespace

Result<Claim> Claim::take(const std::string& dir, const std::string& uuid) {
  MIG_TRY(make_claims_folder(dir));
  const std::string path = file_of(dir, uuid);
  MIG_ASSIGN_OR_RETURN(base::Fd fd, base::open_own_file(path, O_RDWR | O_CREAT, 0600));
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
