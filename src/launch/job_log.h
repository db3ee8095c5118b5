// SPDX-License-Identifier: Apache-2.0
// Inside of launch/: the output of one command of a job, in a file and, once that is full, in
// FILE.1 and a new file: no more than two full files stay, whatever the command prints. The only
// writer is the job's log keeper (launch/log_keeper.h); any number of processes may read.
#ifndef MIGCTL_LAUNCH_JOB_LOG_H_
#define MIGCTL_LAUNCH_JOB_LOG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "mig/result.h"

#include "base/fd.h"

namespace mig::launch {

inline constexpr std::int64_t kMostLog = 64LL << 20;

class JobLog {
 public:
  // A new file, mode 0600, in place of one that is there.
  static Result<JobLog> create(const std::string& path, std::int64_t most = kMostLog);
  // Goes on with the file of a keeper that was killed.
  static Result<JobLog> reopen(const std::string& path, std::int64_t most = kMostLog);

  // Appends; the file moves to FILE.1 when it would grow beyond the limit. What cannot be written
  // (disk full) is dropped, and the log says how much, so that the command need not wait.
  void append(std::string_view text);

  int fd() const { return fd_.get(); }

 private:
  JobLog(std::string path, base::Fd fd, std::int64_t most);

  void rotate();
  bool write(std::string_view text);

  std::string path_;
  base::Fd fd_;
  std::int64_t most_, size_;
  std::uint64_t dropped_ = 0;
  std::string why_dropped_;
};

// Cuts a stream into whole lines, each after `prefix`. A line beyond 64 KiB (a progress bar) comes
// in parts.
class Lines {
 public:
  explicit Lines(std::string prefix) : prefix_(std::move(prefix)) {}

  std::string add(std::string_view text);
  std::string flush();  // the incomplete last line, with a line end

 private:
  std::string prefix_, held_;
};

// Follows a log (tail -f) in whole lines, also past the moment when the file becomes FILE.1. Where
// more was written than the two files hold, a line says that a part is missing.
class LogTail {
 public:
  // `skip`: bytes at the start to leave out.
  LogTail(std::string path, std::string prefix, std::int64_t skip = 0)
      : path_(std::move(path)), lines_(std::move(prefix)), at_(skip) {}

  // New text since the last call; "" = none. At most 1 MiB per call.
  std::string read();
  std::string flush();
  // Ends where the log ends now, whatever is written after.
  void stop_here();

 private:
  bool next_file();

  std::string path_;
  Lines lines_;
  std::int64_t at_;
  base::Fd fd_;  // of the file that is read, also once it has another name
  std::optional<std::int64_t> end_;
  bool missing_ = false;
};

// Offset of the last `lines` lines of the file. kNotFound when there is no such file.
Result<std::int64_t> start_of_last_lines(const std::string& path, std::uint64_t lines);

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_JOB_LOG_H_
