// SPDX-License-Identifier: Apache-2.0
// The jobs that one user started on one machine, in a file of that user's own: the kernel keeps
// other users out. Each job is written by its own `migctl run` only. Rows are plain values.
//
// Threading: as Database.
#ifndef MIGCTL_STORE_JOBS_H_
#define MIGCTL_STORE_JOBS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mig/result.h"

#include "store/database.h"

namespace mig::store {

// One command of a job, on its instance.
struct JobRankRow {
  std::int64_t rank = 0;
  std::string uuid, profile;
  std::int64_t gpu = 0, gi = 0, ci = 0;
  std::int64_t pid = 0, start_ticks = 0;  // of the command; 0 = not running
  bool own_group = false;                 // the command leads a process group
  std::int64_t restarts = 0;
  std::optional<std::int64_t> exit_code;  // of its last end
  std::string note;                       // why it did not start; "" = nothing to say
};

struct JobRow {
  std::int64_t id = 0;
  std::string name;     // "" = none
  std::string command;  // for people
  std::string folder;   // where it was started
  std::string cgroup;   // "" = none
  std::string boot_id;  // processes of another boot are gone
  std::int64_t supervisor_pid = 0, supervisor_start = 0;
  std::int64_t created_ms = 0;             // Unix time; waits for its instances from then on
  std::optional<std::int64_t> started_ms;  // has them
  std::optional<std::int64_t> finished_ms;
  std::optional<std::int64_t> exit_code;  // as `run` gave it
  std::string note;                       // how it ended, when that needs a word
  bool logged = false, detached = false, confined = false;
  std::vector<JobRankRow> ranks;
};

class Jobs {
 public:
  static Result<Jobs> open(const std::string& path);

  // Gives the row its id, and forgets the oldest ended jobs beyond `keep`, whose ids are returned
  // in `forgotten` (their logs go with them).
  Result<std::int64_t> add(const JobRow& row,
                           std::int64_t keep,
                           std::vector<std::int64_t>& forgotten);
  Result<void> update(const JobRow& row);  // with its ranks
  Result<void> update_rank(std::int64_t job, const JobRankRow& rank);
  Result<std::vector<JobRow>> all();  // by id, newest last

 private:
  explicit Jobs(Database database) : database_(std::move(database)) {}

  Result<void> write_rank(std::int64_t job, const JobRankRow& rank);
  Result<void> forget(std::int64_t keep, std::vector<std::int64_t>& forgotten);
  Result<std::vector<JobRankRow>> ranks_of(std::int64_t job);

  Database database_;
};

}  // namespace mig::store

#endif  // MIGCTL_STORE_JOBS_H_
