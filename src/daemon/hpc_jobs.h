// SPDX-License-Identifier: Apache-2.0
// Inside of daemon/: ids of batch jobs from a folder that a scheduler's prolog writes, in
// dcgm-exporter's format: a file named "GPU" or "GPU.GI" (index of the GPU, id of the GPU instance)
// with one job id a line. Whoever may write there is trusted with labels only: other names,
// links, special files and whatever is beyond the bounds are passed over.
#ifndef MIGCTL_DAEMON_HPC_JOBS_H_
#define MIGCTL_DAEMON_HPC_JOBS_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mig/ids.h"

namespace mig::daemon {

using HpcJobs =
    std::map<std::pair<GpuIndex, std::optional<GpuInstanceId>>, std::vector<std::string>>;

// Empty where the folder does not exist or cannot be read.
HpcJobs read_hpc_jobs(const std::string& folder);

// The GPU or instance that a file is named after; nullopt: neither.
std::optional<HpcJobs::key_type> parse_hpc_name(std::string_view name);

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_HPC_JOBS_H_
