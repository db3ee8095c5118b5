// SPDX-License-Identifier: Apache-2.0
// The record of a user's jobs on one machine: who runs, since when, on which instances, how it
// ended, and where its output is. One folder (0700) a user and machine: jobs.db, and a log a
// command. A job's row is written by its own supervisor; how it stands is read from the row and
// from whether its processes, known by pid and start, live.
//
// Threading: one JobBook from one thread at a time; other processes at any time.
#ifndef MIGCTL_LAUNCH_JOB_BOOK_H_
#define MIGCTL_LAUNCH_JOB_BOOK_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "mig/result.h"

#include "base/proc_root.h"
#include "store/jobs.h"

namespace mig::launch {

using mig::JobState;
using mig::name_of;
using JobView = mig::Job;

class JobBook {
 public:
  static Result<JobBook> open(const std::string& folder,
                              const std::string& proc = base::proc_root());

  // Enters a job of the calling process as waiting, and gives the row its id.
  Result<void> begin(store::JobRow& row);

  Result<void> update(const store::JobRow& row) { return jobs_.update(row); }

  Result<void> update_rank(std::int64_t job, const store::JobRankRow& rank) {
    return jobs_.update_rank(job, rank);
  }

  Result<std::vector<JobView>> list();
  // By id, or by name: the newest of that name; with `live_only` the one that lives. kNotFound;
  // kUsage when several of a name live.
  Result<JobView> find(const std::string& word, bool live_only);

  std::string log_path(std::int64_t job, std::int64_t rank) const;

  // Asks a job to end (SIGTERM to its supervisor, else to its commands), and ends it by SIGKILL
  // when the grace is over. kTimeout when even that did not help; kPermission.
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
  Result<void> signal_all(const store::JobRow& row, int signal) const;

  store::Jobs jobs_;
  std::string folder_, proc_;
};

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_JOB_BOOK_H_
