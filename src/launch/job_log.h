// SPDX-License-Identifier: Apache-2.0
// Inside of launch/: the output of one command of a job. The command writes to the file itself, so
// it outlives its supervisor; the supervisor rotates the file at kMostLog: the earlier part moves
// to FILE.1 (replacing an older one).
#ifndef MIGCTL_LAUNCH_JOB_LOG_H_
#define MIGCTL_LAUNCH_JOB_LOG_H_

#include <cstdint>
#include <string>

#include "mig/result.h"

#include "base/fd.h"

namespace mig::launch {

inline constexpr std::int64_t kMostLog = 64LL << 20;

class JobLog {
 public:
  static Result<JobLog> create(const std::string& path);  // file mode 0600

  int fd() const { return fd_.get(); }

  const std::string& path() const { return path_; }

  void keep_small(std::int64_t most = kMostLog) const;

 private:
  JobLog(std::string path, base::Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  std::string path_;
  base::Fd fd_;
};

// Follows a log (tail -f), printing whole lines with `prefix` (an incomplete line is held back
// until complete, or flush()).
class LogTail {
 public:
  // `skip`: bytes at the start to leave out.
  LogTail(std::string path, std::string prefix, std::int64_t skip = 0)
      : path_(std::move(path)), prefix_(std::move(prefix)), at_(skip) {}

  // New text since the last call; "" = none. At most 1 MiB per call.
  std::string read();
  std::string flush();

 private:
  std::string take_lines(bool all);

  std::string path_, prefix_;
  std::int64_t at_;
  std::string held_;
};

// Offset of the last `lines` lines of the file. kNotFound when there is no such file.
Result<std::int64_t> start_of_last_lines(const std::string& path, std::uint64_t lines);

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_JOB_LOG_H_
