// SPDX-License-Identifier: Apache-2.0
// Jobs of one user on one machine, in a file that the user owns, with access by other users denied
// by file permissions. Each job is written by its own `migctl run` only. Rows are plain values.
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
  std::int64_t pid = 0, start_ticks = 0;  // pid of the command; 0 = not running
  bool own_group = false;                 // the command leads a process group
  std::int64_t restarts = 0;
  std::optional<std::int64_t> exit_code;  // exit code of the last run
  std::string note;                       // why the command did not start; "" = none
};

struct JobRow {
  std::int64_t id = 0;
  std::string name;     // "" = none
  std::string command;  // command line, for display
  std::string folder;   // working folder at the start
  std::string cgroup;   // "" = none
  std::string boot_id;  // boot id: processes of another boot are gone
  std::int64_t supervisor_pid = 0, supervisor_start = 0;
  std::int64_t created_ms = 0;             // Unix time; waits for instances since then
  std::optional<std::int64_t> started_ms;  // Unix time at which the job had its instances
  std::optional<std::int64_t> finished_ms;
  std::optional<std::int64_t> exit_code;  // exit code of `run`
  std::string note;                       // how the job ended, if not by itself
  bool logged = false, detached = false, confined = false;
  std::vector<JobRankRow> ranks;
};

class Jobs {
 public:
  static Result<Jobs> open(const std::string& path);

  // Adds the job and sets its id; deletes the oldest ended jobs beyond `keep`, whose ids are
  // returned in `forgotten` (the caller removes their logs).
  Result<std::int64_t> add(const JobRow& row,
                           std::int64_t keep,
                           std::vector<std::int64_t>& forgotten);
  Result<void> update(const JobRow& row);  // including its ranks
  Result<void> update_rank(std::int64_t job, const JobRankRow& rank);
  Result<std::vector<JobRow>> all();  // ascending by id

 private:
  explicit Jobs(Database database) : database_(std::move(database)) {}

  Result<void> write_rank(std::int64_t job, const JobRankRow& rank);
  Result<void> forget(std::int64_t keep, std::vector<std::int64_t>& forgotten);
  Result<std::vector<JobRankRow>> ranks_of(std::int64_t job);

  Database database_;
};

}  // namespace mig::store

#endif  // MIGCTL_STORE_JOBS_H_
