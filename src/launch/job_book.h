// SPDX-License-Identifier: Apache-2.0
// The record of a user's jobs on one machine: command, start, instances, result, logs. One folder
// (0700) per user and machine: jobs.db, and one log per command. A job's row is written by its own
// supervisor; its state follows from the row and the liveness of its processes, identified by pid
// and start time.
//
// Threading: not thread-safe; safe with other processes.
#ifndef MIGCTL_LAUNCH_JOB_BOOK_H_
#define MIGCTL_LAUNCH_JOB_BOOK_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "mig/result.h"

#include "base/proc_root.h"
#include "launch/job_processes.h"
#include "store/jobs.h"

namespace mig::launch {

inline constexpr std::uint64_t kMostLogs = 8ULL << 30U;  // of a user on a machine

using mig::JobState;
using mig::name_of;
using JobView = mig::Job;

class JobBook {
 public:
  static Result<JobBook> open(const std::string& folder,
                              const std::string& proc = base::proc_root());

  // Records a job of the calling process as waiting, and sets the row's id.
  Result<void> begin(store::JobRow& row);

  Result<void> update(const store::JobRow& row) { return jobs_.update(row); }

  Result<void> update_rank(std::int64_t job, const store::JobRankRow& rank) {
    return jobs_.update_rank(job, rank);
  }

  Result<std::vector<JobView>> list();
  // By id, or by name: the newest of that name; with `live_only` the live one. kNotFound; kUsage
  // when several of a name are live.
  Result<JobView> find(const std::string& word, bool live_only);

  // Of the file with a container's id.
  std::string id_path(std::int64_t job, std::int64_t rank) const;
  std::string log_path(std::int64_t job, std::int64_t rank) const;

  // Removes logs of ended jobs, the oldest first, while all logs together have more bytes.
  void limit_logs(std::uint64_t most = kMostLogs);

  // Ends a job with all that it started (launch/job_processes.h): SIGTERM to its supervisor, which
  // passes it on, and to what left its commands' process groups; SIGKILL after the grace period.
  // kTimeout, with the processes, when even that did not help; kPermission.
  Result<void> stop(const JobView& job,
                    std::chrono::milliseconds grace,
                    const std::function<void()>& killing);

 private:
  JobBook(store::Jobs jobs, std::string folder, std::string proc)
      : jobs_(std::move(jobs)), folder_(std::move(folder)), proc_(std::move(proc)) {}

  JobView view_of(store::JobRow row) const;
  bool alive(const std::string& boot_id, std::int64_t pid, std::int64_t start_ticks) const;
  bool any_alive(const store::JobRow& row) const;
  Result<void> note_stopped(std::int64_t job);
  std::vector<JobProcess> processes_of(const store::JobRow& row) const;
  Result<void> signal_all(const store::JobRow& row, int signal, bool supervised) const;

  // What is there of a job that is to end.
  struct Remains {
    std::vector<JobProcess> processes;
    bool supervisor = false;

    bool any() const { return supervisor || !processes.empty(); }
  };

  bool supervised(const store::JobRow& row) const;
  // Looks until nothing is left or `patience` is over. `kill`: SIGKILL at each look.
  Result<Remains> wait_for_end(const store::JobRow& row,
                               std::chrono::milliseconds patience,
                               bool kill) const;

  store::Jobs jobs_;
  std::string folder_, proc_;
};

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_JOB_BOOK_H_
