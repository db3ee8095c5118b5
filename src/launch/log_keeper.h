// SPDX-License-Identifier: Apache-2.0
// Inside of launch/: the log keeper of a job, a process of its own between the commands and their
// logs. A command writes into a pipe; the keeper, the only writer of the log, takes from it what
// the log takes: a command that prints faster than that waits (back-pressure), and neither the
// limit of the log nor the supervisor's timers can be outrun.
//
// Who ends whom: the keeper ends when every process that has the pipe has closed it, so what a job
// leaves behind may go on writing. It outlives the supervisor; the supervisor starts a new one when
// it was killed. Only where both were killed do the commands' writes fail (SIGPIPE).
//
// Threading: as the supervisor: a single-threaded process (it forks).
#ifndef MIGCTL_LAUNCH_LOG_KEEPER_H_
#define MIGCTL_LAUNCH_LOG_KEEPER_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "mig/result.h"

#include "base/fd.h"
#include "base/process.h"
#include "launch/job_log.h"

namespace mig::launch {

struct LogStream {
  std::string path;    // of the log
  std::string prefix;  // of each line that is shown
};

class LogKeeper {
 public:
  // `show`: a descriptor on which the output appears too, as it comes; -1 = none. A reader that is
  // slow there slows the commands down, one that is gone does not. kIo: no process, or a log cannot
  // be made.
  static Result<LogKeeper> start(std::vector<LogStream> streams,
                                 int show,
                                 std::int64_t most = kMostLog);
  LogKeeper(LogKeeper&&) noexcept = default;
  LogKeeper& operator=(LogKeeper&&) = delete;
  LogKeeper(const LogKeeper&) = delete;
  LogKeeper& operator=(const LogKeeper&) = delete;
  ~LogKeeper() = default;  // the keeper goes on until the commands have closed their pipes

  // For the command's standard output and error.
  int fd(std::size_t stream) const { return pipes_[stream].write.get(); }

  int pid() const { return pid_; }

  // Starts a keeper in place of one that was killed.
  void look();

  // To be called when the commands have ended: everything that they wrote is in the logs then,
  // unless that takes longer than `patience` (a disk that hangs).
  void commands_ended(std::chrono::milliseconds patience);

  // Waits until all that the commands wrote is shown: as long as the reader takes. Returns 0, or
  // errno where it could not be written; a closed pipe is none.
  int wait_shown();

 private:
  LogKeeper(std::vector<LogStream> streams, int show, std::int64_t most)
      : streams_(std::move(streams)), show_(show), most_(most) {}

  Result<void> fork_keeper(bool fresh);
  bool ended();

  std::vector<LogStream> streams_;
  int show_;
  std::int64_t most_;
  std::vector<base::Pipe> pipes_;
  base::Fd control_;
  int pid_ = 0;  // 0: has ended, and was waited for
};

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_LOG_KEEPER_H_
