// SPDX-License-Identifier: Apache-2.0
// Inside of cli/: jobs as text.
#ifndef MIGCTL_CLI_RENDER_JOBS_H_
#define MIGCTL_CLI_RENDER_JOBS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "cli/output.h"
#include "model/job.h"
#include "wire/jobs.h"

namespace mig::cli {

// State of a job: "ended with 3", "running for 12 min"; `now_ms`: Unix time.
std::string standing_text(const Job& job, std::int64_t now_ms);

// `user`: whose they are; "" = the caller's.
std::string jobs_text(const std::vector<Job>& jobs,
                      std::int64_t now_ms,
                      const std::string& user,
                      const wire::Source& source,
                      const Paint& paint);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_RENDER_JOBS_H_
