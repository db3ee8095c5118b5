// SPDX-License-Identifier: Apache-2.0
// Inside of launch/: processes of a job, however they forked: its commands, the members of its
// cgroup, and those of this user that inherited the job's mark, a variable of the environment. The
// mark finds what left the process group (setsid, double fork) where no cgroup could be made; a
// program that cleans its environment is found by its lease only (service/lease_members.h).
//
// Each is identified by pid and start time, and signalled through a pidfd. Threading: none of its
// own.
#ifndef MIGCTL_LAUNCH_JOB_PROCESSES_H_
#define MIGCTL_LAUNCH_JOB_PROCESSES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "store/jobs.h"

namespace mig::launch {

inline constexpr const char* kJobMark = "MIGCTL_JOB_MARK";

// Value of the variable: differs from that of every other job of this boot.
std::string job_mark(const store::JobRow& row);

struct JobProcess {
  std::uint32_t pid = 0;
  std::uint64_t start_ticks = 0;
  int group = 0;
  std::string name;
};

// Ascending by pid; without the calling process and the job's supervisor.
std::vector<JobProcess> processes_of_job(const store::JobRow& row, const std::string& proc);

// False: not permitted. A process that has ended meanwhile counts as signalled.
bool signal_job_process(const JobProcess& process, int signal, const std::string& proc);

// "pid 4121 (python), pid 4122 (sh)".
std::string names_of(const std::vector<JobProcess>& processes);

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_JOB_PROCESSES_H_
