// SPDX-License-Identifier: Apache-2.0
// The settings of `migctl slurm`, /etc/migctl/slurm.yaml. Parsed strictly: an unknown key or a
// value of another kind is an error with file:line:column. docs/reference/slurm.md.
#ifndef MIGCTL_CONFIG_SLURM_FILE_H_
#define MIGCTL_CONFIG_SLURM_FILE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mig/result.h"

namespace mig::config {

// What the file says; "", empty and nullopt = nothing.
struct SlurmFile {
  std::string node;
  std::string slurm_conf, gres_conf, cgroup_conf;
  std::string dev, hpc_jobs, job_layouts, job_state;
  std::string types;  // "profile" or "nvml"
  std::string form;   // "files" or "autodetect"
  std::string lease;  // "try", "require" or "off"
  std::optional<std::int64_t> lease_time_ms, drain_ms, settle_ms;
  // argv, without a shell.
  std::vector<std::string> restart_slurmctld, restart_slurmd;
};

// `file` is used in messages only.
Result<SlurmFile> parse_slurm_file(std::string_view text, std::string_view file);

}  // namespace mig::config

#endif  // MIGCTL_CONFIG_SLURM_FILE_H_
