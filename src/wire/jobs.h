// SPDX-License-Identifier: Apache-2.0
// JSON of jobs: the result of `run`, and the list of `jobs`. Threading: pure functions.
#ifndef MIGCTL_WIRE_JOBS_H_
#define MIGCTL_WIRE_JOBS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "model/job.h"
#include "wire/wire.h"

namespace mig::wire {

std::string run_document(const JobOutcome& outcome, const Source& source);

// Result of `run --detach`.
std::string job_started_document(std::int64_t job, const Source& source);

std::string job_list_document(const std::vector<Job>& jobs, const Source& source);

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_JOBS_H_
