// SPDX-License-Identifier: Apache-2.0
// JSON of jobs: what `run` tells of its end, and what `jobs` lists. Threading: pure functions.
#ifndef MIGCTL_WIRE_JOBS_H_
#define MIGCTL_WIRE_JOBS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wire/wire.h"

namespace mig::wire {

struct RunReport {
  struct Rank {
    std::string uuid;
    std::string profile;
    GpuIndex gpu;
    GpuInstanceId gpu_instance;
    ComputeInstanceId compute_instance;
    int exit_code = 0;
    std::uint32_t restarts = 0;
  };

  std::int64_t job = 0;  // 0 = in no record
  int exit_code = 0;
  bool timed_out = false;
  std::vector<Rank> ranks;
};

std::string run_document(const RunReport& report, const Source& source);

// What `run --detach` answers.
std::string job_started_document(std::int64_t job, const Source& source);

struct JobEntry {
  struct Rank {
    std::int64_t rank = 0;
    std::string uuid, profile;
    GpuIndex gpu;
    GpuInstanceId gpu_instance;
    ComputeInstanceId compute_instance;
    std::int64_t pid = 0;  // 0 = not running
    std::int64_t restarts = 0;
    std::optional<std::int64_t> exit_code;
    std::string log, note;  // "" = none
  };

  std::int64_t id = 0;
  std::string name, state, command, folder, note;
  std::int64_t created_ms = 0;  // Unix time
  std::optional<std::int64_t> started_ms, finished_ms, exit_code;
  bool detached = false, confined = false;
  std::int64_t supervisor_pid = 0;
  std::vector<Rank> ranks;
};

std::string job_list_document(const std::vector<JobEntry>& jobs, const Source& source);

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_JOBS_H_
