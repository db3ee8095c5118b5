// SPDX-License-Identifier: Apache-2.0
// Whether Slurm's files say what the machine has, and whether Slurm understands them so: numbers,
// types, counts, device nodes, UUIDs; slurmd's own reading; the node as slurmctld has it.
//
// Threading: as the Node. Errors: only where nothing could be compared; a file that cannot be read
// or a daemon that does not answer is a finding.
#ifndef MIGCTL_SLURM_CHECK_H_
#define MIGCTL_SLURM_CHECK_H_

#include <string_view>

#include "mig/result.h"

#include "model/slurm_values.h"
#include "slurm/settings.h"

namespace mig::slurm {

Result<Check> check(const Settings& settings, node::Node& node, const Inventory& now);

// Findings of slurm.conf and cgroup.conf that concern GPUs of every node.
void check_conf(std::string_view text, const std::string& file, std::vector<Finding>& findings);
void check_cgroup(std::string_view text, const std::string& file, std::vector<Finding>& findings);

}  // namespace mig::slurm

#endif  // MIGCTL_SLURM_CHECK_H_
