// SPDX-License-Identifier: Apache-2.0
// Inside of launch/: the output of one command of a job. The command writes into the file itself,
// so it needs nobody of ours to go on writing; its supervisor keeps the file from growing beyond
// kMostLog, the part before moves to FILE.1 (and takes the place of an older one).
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
  static Result<JobLog> create(const std::string& path);  // 0600

  int fd() const { return fd_.get(); }

  const std::string& path() const { return path_; }

  void keep_small(std::int64_t most = kMostLog) const;

 private:
  JobLog(std::string path, base::Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  std::string path_;
  base::Fd fd_;
};

// Reads what comes in, whole lines with `prefix` before each (a line without its end is held back
// until it has one, or flush()).
class LogTail {
 public:
  // `skip`: bytes from the start that are not wanted.
  LogTail(std::string path, std::string prefix, std::int64_t skip = 0)
      : path_(std::move(path)), prefix_(std::move(prefix)), at_(skip) {}

  // New text since the last call; "" = none. At most 1 MiB a call.
  std::string read();
  std::string flush();

 private:
  std::string take_lines(bool all);

  std::string path_, prefix_;
  std::int64_t at_;
  std::string held_;
};

// Where the last `lines` lines of the file begin. kNotFound when there is no such file.
Result<std::int64_t> start_of_last_lines(const std::string& path, std::uint64_t lines);

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_JOB_LOG_H_
