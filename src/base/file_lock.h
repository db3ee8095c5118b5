// SPDX-License-Identifier: Apache-2.0
// FileLock: one writer at a time among processes, by flock(2) on a file that says who the writer
// is. The kernel drops the lock when its holder dies, however it dies; the file stays.
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
  // Waits up to `patience` (zero: tries once). kConflict, naming the holder, what it does (`doing`)
  // and since when, when it stays held. The file is made with mode 0600: who may not write may not
  // hold a writer up either.
  static Result<FileLock> acquire(const std::string& path,
                                  std::chrono::milliseconds patience,
                                  Clock& clock,
                                  const std::string& doing = {});

  // Whether somebody holds it, found out without taking it; nullopt = there is no such file, or we
  // may not look.
  static std::optional<bool> locked(const std::string& path);

  // Pid that the file names; nullopt = none, or not readable. True only while it is locked.
  static std::optional<int> holder(const std::string& path);

 private:
  explicit FileLock(Fd fd) : fd_(std::move(fd)) {}

  Fd fd_;
};

}  // namespace mig::base

#endif  // MIGCTL_BASE_FILE_LOCK_H_
