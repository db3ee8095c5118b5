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

#include "model/job.h"
#include "store/database.h"

namespace mig::store {

using JobRankRow = JobRank;
using JobRow = JobRecord;

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
