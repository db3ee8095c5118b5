// SPDX-License-Identifier: Apache-2.0
// FileLock: mutual exclusion of processes, by flock(2) on a file whose content names the holder.
// The kernel releases the lock when its holder dies, for any reason; the file stays.
//
//   MIG_ASSIGN_OR_RETURN(FileLock lock, FileLock::acquire("/run/migctl/GPU-1.lock", 2s, clock));
#ifndef MIGCTL_BASE_FILE_LOCK_H_
#define MIGCTL_BASE_FILE_LOCK_H_

#include <chrono>
#include <optional>
#include <string>

#include "mig/result.h"

#include "base/clock.h"
#include "base/fd.h"

namespace mig::base {

class FileLock {
 public:
  // Takes the lock, waiting up to `patience` (zero: one try). kConflict, naming the holder, its
  // activity (`doing`) and since when, if the lock stays held. The file has mode 0600: users
  // without write permission cannot block a writer.
  static Result<FileLock> acquire(const std::string& path,
                                  std::chrono::milliseconds patience,
                                  Clock& clock,
                                  const std::string& doing = {});

  // Tests whether the lock is held, without taking it; nullopt = no such file, or no permission to
  // look.
  static std::optional<bool> locked(const std::string& path);

  // Pid in the lock file; nullopt = none, or not readable. Meaningful only while the lock is held.
  static std::optional<int> holder(const std::string& path);

 private:
  explicit FileLock(Fd fd) : fd_(std::move(fd)) {}

  Fd fd_;
};

}  // namespace mig::base

#endif  // MIGCTL_BASE_FILE_LOCK_H_
