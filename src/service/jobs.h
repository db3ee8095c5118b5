// SPDX-License-Identifier: Apache-2.0
// The user's recorded jobs on the machine of a node: list, stop, read their output. Each call opens
// the record of jobs (launch/job_book.h) for itself.
//
// Threading: each call belongs to one thread; safe with other processes.
#ifndef MIGCTL_SERVICE_JOBS_H_
#define MIGCTL_SERVICE_JOBS_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mig/result.h"

#include "model/job.h"
#include "node/node.h"

namespace mig::service {

// The user's jobs on this machine, by id; without `ended` only waiting and running ones.
Result<std::vector<Job>> list_jobs(const node::Node& node, bool ended);

// Progress of stop_jobs(); each callback may be empty.
struct StopObserver {
  std::function<void(const Job&)> on_kill = {};       // SIGTERM was not enough, SIGKILL follows
  std::function<void(const Job&)> on_end = {};        // the job has ended
  std::function<void(const Error&)> on_failure = {};  // of each job after the first that failed
};

// Ends live jobs, by id or name, one after the other: SIGTERM, and SIGKILL when `grace` is over.
// All words are resolved before the first job is signalled: kNotFound; kUsage when several live
// jobs share a name. A job that cannot be stopped (kTimeout, kPermission) does not keep the others
// from being stopped; the first such error is the result.
Result<void> stop_jobs(const node::Node& node,
                       const std::vector<std::string>& words,
                       std::chrono::milliseconds grace,
                       const StopObserver& observer);

// Which part of a job's output.
struct JobOutputChoice {
  std::optional<std::uint32_t> rank = {};   // only of this one
  std::optional<std::uint32_t> lines = {};  // only the last ones, of each rank
  bool follow = false;                      // go on until the job has ended
};

// Passes the kept output of a job (id, or name: the newest) to `print`, in whole lines; with
// several ranks each line begins with "[RANK] ". kNotFound: no such job, rank or log file;
// kNothingMatched: the job's output was not kept.
Result<void> read_job_output(const node::Node& node,
                             const std::string& word,
                             const JobOutputChoice& choice,
                             const std::function<void(const std::string& text)>& print);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_JOBS_H_
