// SPDX-License-Identifier: Apache-2.0
// Jobs of `migctl run` as values: record, state and result. Plain values; store/jobs.h stores them,
// launch/ runs them, wire/ encodes them.
#ifndef MIGCTL_MODEL_JOB_H_
#define MIGCTL_MODEL_JOB_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/instance.h"

namespace mig {

// One command of a job, on its instance.
struct JobRank {
  std::int64_t rank = 0;
  Instance instance;                      // only uuid, profile and ids are recorded
  std::int64_t pid = 0, start_ticks = 0;  // pid of the command; 0 = not running
  bool own_group = false;                 // the command leads a process group
  std::int64_t restarts = 0;
  std::optional<std::int64_t> exit_code;  // of its last end
  std::string note;                       // why the command did not start; "" = none
  std::string log;                        // log file; "" = none; not recorded
};

struct JobRecord {
  std::int64_t id = 0;
  std::string name;     // "" = none
  std::string command;  // for people
  std::string folder;   // where it was started
  std::string cgroup;   // "" = none
  std::string boot_id;  // boot id: processes of another boot are gone
  std::int64_t supervisor_pid = 0, supervisor_start = 0;
  std::int64_t created_ms = 0;             // Unix time; waits for instances since then
  std::optional<std::int64_t> started_ms;  // has them
  std::optional<std::int64_t> finished_ms;
  std::optional<std::int64_t> exit_code;  // as `run` gave it
  std::string note;                       // how the job ended, if not by itself
  bool logged = false, detached = false, confined = false;
  std::vector<JobRank> ranks;
};

enum class JobState {
  kWaiting,  // for its instances
  kRunning,
  kUnsupervised,  // its supervisor was killed, its command still runs
  kEnded,
  kLost,  // supervisor and command are gone, result unknown
};

const char* name_of(JobState state);  // "running"

struct Job {
  JobRecord row;
  JobState state = JobState::kLost;

  bool live() const {
    return state == JobState::kWaiting || state == JobState::kRunning ||
           state == JobState::kUnsupervised;
  }
};

// Result of a job, for its caller.
struct JobOutcome {
  struct Rank {
    Instance instance;
    int exit_code = 0;
    std::uint32_t restarts = 0;
  };

  std::int64_t job = 0;  // 0 = in no record
  int exit_code = 0;
  bool timed_out = false;
  std::vector<Rank> ranks;
};

}  // namespace mig

#endif  // MIGCTL_MODEL_JOB_H_
